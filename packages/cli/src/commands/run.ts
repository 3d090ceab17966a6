/** `keystead run`: an app beside its sidecar, both with the identities that were asked for and without a credential. */
import { randomBytes } from 'node:crypto'
import { constants } from 'node:os'
import { resolve } from 'node:path'
import { recordApp } from '../app-records.ts'
import { networkEnvironment, withoutCredentials } from '../client/client-environment.ts'
import { connectAsOwner } from '../client/connect.ts'
import { registerReplica } from '../client/replica.ts'
import type { DataDirectory } from '../data-directory.ts'
import { runToEnd } from '../foreground-process.ts'
import { progress } from '../output.ts'
import { requireRunning } from '../settings.ts'
import { Sidecar } from '../sidecar-process.ts'

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
  const settings = await requireRunning(directory)
  const base = withoutCredentials(process.env)
  const network = networkEnvironment(directory, settings, process.env)
  const { credential } = await connectAsOwner(directory, settings)
  const replicaId = `${options.appId
    .toLowerCase()
    .replaceAll(/[^a-z0-9-]/g, '-')
    .slice(0, 48)}-${randomBytes(4).toString('hex')}`

  using interruption = new Interruption()
  await using resources = new AsyncDisposableStack()
  const replica = await registerReplica({
    directory,
    settings,
    credential,
    replicaId,
    identities: options.identity.filter((identity) => identity !== 'system'),
    ...(options.identity.includes('system') ? { systemAssignedOf: options.appId } : {}),
  })
  resources.defer(() => replica.remove())
  await recordApp(directory, {
    appId: options.appId,
    resourcesPath: options.resourcesPath.map((path) => resolve(path)),
    identities: options.identity,
    startedAt: new Date().toISOString(),
  })
  const environment = { ...base, ...network, ...replica.environment }
  const sidecar = await Sidecar.spawn({
    ...options,
    environment,
    onLine: (line) => process.stderr.write(`${line}\n`),
  })
  let stopping = false
  resources.defer(async () => {
    stopping = true
    await sidecar.stop()
  })
  if (await Promise.race([sidecar.ready(), interruption.happened])) return interruption.exitCode
  const appEnvironment = {
    ...environment,
    APP_ID: options.appId,
    DAPR_HTTP_PORT: String(sidecar.httpPort),
    DAPR_GRPC_PORT: String(sidecar.grpcPort),
    DAPR_HTTP_ENDPOINT: `http://127.0.0.1:${sidecar.httpPort}`,
    ...(options.appPort ? { APP_PORT: String(options.appPort) } : {}),
  }
  const sidecarEnded = sidecar.ended.then((code) => {
    if (!stopping) progress(`The sidecar ended with exit code ${code}; stopping the app as well.`)
  })
  return await runToEnd(words, appEnvironment, sidecarEnded)
}

/** A signal that comes before the app runs; what was started by then is still cleaned up. */
class Interruption implements Disposable {
  exitCode = 0
  readonly happened: Promise<true>
  readonly #signals = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const
  readonly #hear: (signal: NodeJS.Signals) => void

  constructor() {
    const { promise, resolve } = Promise.withResolvers<true>()
    this.happened = promise
    this.#hear = (signal) => {
      this.exitCode = 128 + constants.signals[signal]
      resolve(true)
    }
    for (const signal of this.#signals) process.on(signal, this.#hear)
  }

  [Symbol.dispose](): void {
    for (const signal of this.#signals) process.off(signal, this.#hear)
  }
}
