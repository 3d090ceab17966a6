/** Signs in to Redis with Microsoft Entra ID: the token is the password, its object id the user, renewed before it expires. */
import { createAzureCredential } from '../../azure/credentials.ts'
import { createAzureHttpClient } from '../../azure/http-client.ts'
import { ComponentError } from '../../component-error.ts'
import type { ComponentContext } from '../../metadata.ts'
import type { Login, RedisClient } from './connection.ts'
import type { RedisMetadata } from './metadata.ts'

export interface EntraLogin {
  readonly login: Login
  /** Until {@link close}. */
  keepSignedIn(client: RedisClient): void
  close(): void
}

const scope = 'https://redis.azure.com/.default'
const renewBeforeMs = 5 * 60_000
const retryMs = 30_000

export async function entraLogin(settings: RedisMetadata, context: ComponentContext): Promise<EntraLogin> {
  if (settings.redisUsername !== '' || settings.redisPassword !== '') {
    throw failure('username or password must not be specified when using Entra ID authentication')
  }
  const { environment, log } = context
  const httpClient = createAzureHttpClient({ environment })
  const credential = await createAzureCredential({ settings, environment, httpClient })
  const token = async () => {
    const answer = await credential.getToken(scope)
    if (answer === null) throw failure('no token')
    return answer
  }
  const first = await token()
  const username = objectIdOf(first.token)
  let timer: NodeJS.Timeout | undefined
  return {
    login: { username, password: first.token },
    keepSignedIn(client) {
      const renewAt = (time: number): void => {
        timer = setTimeout(renew, Math.max(1000, time - Date.now())).unref()
      }
      const renew = async (): Promise<void> => {
        try {
          const { token: password, expiresOnTimestamp } = await token()
          // A connection that is made later signs in with it as well.
          if ('password' in client.options) client.options.password = password
          await client.call('AUTH', username, password)
          renewAt(expiresOnTimestamp - renewBeforeMs)
        } catch (error) {
          log('error', `redis client: entraID token renewal failed: ${error instanceof Error ? error.message : ''}`)
          renewAt(Date.now() + retryMs)
        }
      }
      renewAt(first.expiresOnTimestamp - renewBeforeMs)
    },
    close() {
      clearTimeout(timer)
      httpClient.close()
    },
  }
}

/** The token comes from Entra itself over a verified connection; only its name for the caller is read here. */
function objectIdOf(token: string): string {
  try {
    const { oid } = JSON.parse(Buffer.from(token.split('.')[1] ?? '', 'base64url').toString())
    if (typeof oid === 'string') return oid
  } catch {
    // Said below.
  }
  throw failure('could not parse object ID from Auth token')
}

function failure(why: string): ComponentError {
  return new ComponentError(`redis client configuration error: ${why}`)
}
