/** Registers an app that a person runs as a replica, so that it has a managed-identity endpoint of its own. */
import type { TokenCredential } from '@azure/identity'
import { replicaAnswer } from '../core/control.ts'
import type { DataDirectory, Settings } from '../data-directory.ts'
import { callControl } from './control.ts'

const hint = 'Check the identity with `az identity show`, and who you are signed in as.'

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
  const answer = replicaAnswer.parse(
    await callControl({ ...options, hint }, 'PUT', path, { identities, systemAssignedOf }),
  )
  return {
    environment: { IDENTITY_ENDPOINT: answer.identityEndpoint, IDENTITY_HEADER: answer.identityHeader },
    remove: async () => {
      await callControl({ ...options, hint }, 'DELETE', path)
    },
  }
}
