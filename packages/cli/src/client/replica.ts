/** Registers an app that a person runs as a replica, so that it has a managed-identity endpoint of its own. */
import { readFile } from 'node:fs/promises'
import { request } from 'node:https'
import { json } from 'node:stream/consumers'
import type { TokenCredential } from '@azure/identity'
import { CliError } from '../cli-error.ts'
import { replicaAnswer } from '../core/control.ts'
import type { DataDirectory, Settings } from '../data-directory.ts'

export interface Replica {
  /** `IDENTITY_ENDPOINT` and `IDENTITY_HEADER`. */
  readonly environment: Readonly<Record<string, string>>
  remove(): Promise<void>
}

export async function registerReplica(options: {
  readonly directory: DataDirectory
  readonly settings: Settings
  readonly credential: TokenCredential
  readonly replicaId: string
  /** Resource ids of user-assigned identities. */
  readonly identities: readonly string[]
  /** The app that gets an identity of its own as well. */
  readonly systemAssignedOf?: string
}): Promise<Replica> {
  const { replicaId, identities, systemAssignedOf } = options
  const path = `/replicas/${encodeURIComponent(replicaId)}`
  const answer = replicaAnswer.parse(await call(options, 'PUT', path, { identities, systemAssignedOf }))
  return {
    environment: { IDENTITY_ENDPOINT: answer.identityEndpoint, IDENTITY_HEADER: answer.identityHeader },
    remove: async () => {
      await call(options, 'DELETE', path)
    },
  }
}

async function call(
  { directory, settings, credential }: { directory: DataDirectory; settings: Settings; credential: TokenCredential },
  method: string,
  path: string,
  body?: unknown,
): Promise<unknown> {
  const token = await credential.getToken('https://management.azure.com/.default')
  const ca = await readFile(directory.caBundle, 'utf8')
  const { status, answer } = await new Promise<{ status: number; answer: unknown }>((resolve, reject) => {
    const outgoing = request(
      {
        host: '127.0.0.1',
        port: settings.ports.gateway,
        servername: 'control.keystead.localhost',
        ca,
        method,
        path,
        headers: {
          host: 'control.keystead.localhost',
          authorization: `Bearer ${token?.token}`,
          ...(body === undefined ? {} : { 'content-type': 'application/json' }),
        },
      },
      (response) => {
        const status = response.statusCode ?? 0
        if (status === 204) {
          response.resume()
          resolve({ status, answer: undefined })
        } else json(response).then((answer) => resolve({ status, answer }), reject)
      },
    )
    outgoing.on('error', reject)
    outgoing.end(body === undefined ? undefined : JSON.stringify(body))
  })
  if (status >= 300) {
    const { code, message } = (answer as { error: { code: string; message: string } }).error
    throw new CliError(
      `${code}: ${message}`,
      'Check the identity with `az identity show`, and who you are signed in as.',
    )
  }
  return answer
}
