/** The platform process that runs container apps, as this cloud starts it. */
import { type RunningPlatform, startPlatform } from '@keystead/container-apps'
import type { CertificateAuthority } from '@keystead/gateway'
import type { Directory } from '@keystead/identity'
import type { MasterKey } from '@keystead/store'
import { networkEnvironment } from '../client/client-environment.ts'
import type { DataDirectory, Settings } from '../data-directory.ts'
import { leashedSidecar } from '../sidecar-process.ts'
import { logsSecret } from './process-secrets.ts'

export interface AppPlatformOptions {
  readonly directory: DataDirectory
  readonly settings: Settings
  readonly environment: NodeJS.ProcessEnv
  readonly masterKey: MasterKey
  readonly principals: Directory
  readonly authority: CertificateAuthority
  readonly log: (level: 'info' | 'warn' | 'error', message: string, fields?: Record<string, unknown>) => void
}

export function startAppPlatform({
  directory,
  settings,
  environment,
  masterKey,
  principals,
  authority,
  log,
}: AppPlatformOptions): Promise<RunningPlatform> {
  return startPlatform({
    directory: directory.containerApps,
    imagesFile: directory.images,
    environment: networkEnvironment(directory, settings, environment),
    logs: { url: `http://127.0.0.1:${settings.ports.logs}`, secret: logsSecret(masterKey) },
    sidecar: leashedSidecar,
    registerReplica: (input) => principals.registerReplica(input),
    removeReplica: (replicaId) => principals.removeReplica(replicaId),
    serverCertificate: (host) => authority.serverCertificate(host),
    log,
  })
}
