/** `keystead run`: an app beside its sidecar, both with the identities that were asked for and without a credential. */
import { randomBytes } from 'node:crypto'
import { CliError } from '../cli-error.ts'
import { networkEnvironment, withoutCredentials } from '../client/client-environment.ts'
import { connectAsOwner } from '../client/connect.ts'
import { registerReplica } from '../client/replica.ts'
import type { DataDirectory } from '../data-directory.ts'
import { runToEnd } from '../foreground-process.ts'
import { requireSettings } from '../settings.ts'
import { Sidecar } from '../sidecar-process.ts'
import { isLocked } from '../supervisor/lock.ts'

export interface RunOptions {
  readonly appId: string
  readonly appPort?: number
  readonly resourcesPath: readonly string[]
  readonly identity: readonly string[]
  readonly logLevel: string
  readonly daprHttpPort?: number
}

/** Answers the app's exit code; the sidecar goes when the app does, and a sidecar that ends takes the app along. */
export async function run(directory: DataDirectory, options: RunOptions, words: readonly string[]): Promise<number> {
  const settings = await requireSettings(directory)
  if (!isLocked(directory.lock)) throw new CliError('The cloud is down.', 'Start it with `keystead up --detach`.')
  const base = withoutCredentials(process.env)
  const network = networkEnvironment(directory, settings, process.env)
  const { credential } = await connectAsOwner(directory, settings)
  const replicaId = `${options.appId
    .toLowerCase()
    .replaceAll(/[^a-z0-9-]/g, '-')
    .slice(0, 48)}-${randomBytes(4).toString('hex')}`
  const replica = await registerReplica({ directory, settings, credential, replicaId, identities: options.identity })
  try {
    const environment = { ...base, ...network, ...replica.environment }
    const sidecar = await Sidecar.start({
      ...options,
      environment,
      onLine: (line) => process.stderr.write(`${line}\n`),
    })
    const appEnvironment = {
      ...environment,
      APP_ID: options.appId,
      DAPR_HTTP_PORT: String(sidecar.httpPort),
      DAPR_HTTP_ENDPOINT: `http://127.0.0.1:${sidecar.httpPort}`,
      ...(options.appPort ? { APP_PORT: String(options.appPort) } : {}),
    }
    try {
      return await runToEnd(words, appEnvironment, sidecar.ended)
    } finally {
      await sidecar.stop()
    }
  } finally {
    await replica.remove()
  }
}
