/** The password for PostgreSQL where Microsoft Entra ID signs in: a token, for each new connection. */
import { createAzureCredential } from '../../azure/credentials.ts'
import { createAzureHttpClient } from '../../azure/http-client.ts'
import { ComponentError } from '../../component-error.ts'
import type { ComponentContext } from '../../metadata.ts'
import type { PostgresMetadata } from './metadata.ts'

const scope = 'https://ossrdbms-aad.database.windows.net/.default'

export interface EntraPassword {
  /** Asked for with each new connection, since a token lives for an hour or so. */
  readonly password: () => Promise<string>
  close(): void
}

export async function entraPassword(
  settings: PostgresMetadata,
  { environment }: ComponentContext,
): Promise<EntraPassword> {
  const httpClient = createAzureHttpClient({ environment })
  const credential = await createAzureCredential({ settings, environment, httpClient })
  return {
    async password() {
      const token = await credential.getToken(scope)
      if (token === null) throw new ComponentError('no token')
      return token.token
    },
    close: () => httpClient.close(),
  }
}
