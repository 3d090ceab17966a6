/** The supervisor: holds which processes one cloud consists of, and keeps them running until it is stopped. */
import { existsSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { logsCommand } from '@keystead/logs'
import { azuriteCommand } from '@keystead/storage'
import { loadMasterKey, type MasterKey } from '@keystead/store'
import { CliError } from '../cli-error.ts'
import { azuriteSecret, logsSecret } from '../core/process-secrets.ts'
import type { DataDirectory, Settings } from '../data-directory.ts'
import { isFree } from '../free-ports.ts'
import { waitForLeftovers } from './leftovers.ts'
import { type Lock, tryLock } from './lock.ts'
import { type ProcessSpec, SupervisedProcess } from './supervised-process.ts'

export class Supervisor {
  readonly #directory: DataDirectory
  readonly #lock: Lock
  readonly #processes: readonly SupervisedProcess[]
  #ready = false
  #writing: Promise<void> = Promise.resolve()

  private constructor(directory: DataDirectory, lock: Lock, specs: readonly ProcessSpec[]) {
    this.#directory = directory
    this.#lock = lock
    this.#processes = specs.map((spec) => new SupervisedProcess(spec, directory.logs, () => this.#publish()))
  }

  /** Starts every process; resolves when all are ready. Throws {@link CliError} when the data directory is in use. */
  static async start(directory: DataDirectory, settings: Settings): Promise<Supervisor> {
    const lock = tryLock(directory.lock)
    if (!lock) {
      const runtime = await directory.readRuntime()
      throw new CliError(
        `A cloud already runs on ${directory.path}${runtime ? ` (pid ${runtime.pid})` : ''}.`,
        'Use it, stop it with `keystead down`, or start another one with `--data-dir`.',
      )
    }
    const supervisor = await Supervisor.#prepare(directory, settings, lock).catch((error) => {
      lock.release()
      throw error
    })
    try {
      await Promise.all(supervisor.#processes.map((process) => process.start()))
    } catch (error) {
      await supervisor.stop(error instanceof Error ? error.message : String(error))
      throw error
    }
    supervisor.#ready = true
    supervisor.#publish()
    await supervisor.#writing
    return supervisor
  }

  static async #prepare(directory: DataDirectory, settings: Settings, lock: Lock): Promise<Supervisor> {
    const earlier = await directory.readRuntime()
    // From here on the file names this process: `keystead down` must never signal whoever has an old pid by now.
    await directory.writeRuntime({ pid: process.pid, ready: false, processes: [] })
    const masterKey = await loadMasterKey({
      file: directory.masterKey,
      environment: process.env,
      create: !existsSync(directory.database),
    })
    const supervisor = new Supervisor(directory, lock, processesOf(directory, settings, masterKey))
    await waitForLeftovers(earlier)
    await requireFreePorts(settings)
    return supervisor
  }

  /** Stops every process, in the order opposite to their start. */
  async stop(failure?: string): Promise<void> {
    this.#ready = false
    for (const process of this.#processes.toReversed()) await process.stop()
    this.#publish(failure)
    await this.#writing
    this.#lock.release()
  }

  #publish(failure?: string): void {
    const runtime = {
      pid: process.pid,
      ready: this.#ready,
      ...(failure === undefined ? {} : { failure }),
      processes: this.#processes.map(({ spec, pid, state, restarts }) => ({
        name: spec.name,
        pid,
        state,
        address: spec.address,
        restarts,
      })),
    }
    // A disk without space must not end the supervisor: the next change is written again.
    this.#writing = this.#writing.then(() => this.#directory.writeRuntime(runtime)).catch(() => {})
  }
}

/** A process that found another program's port open would take that program for the one it waits for. */
async function requireFreePorts({ ports }: Settings): Promise<void> {
  for (const [name, port] of Object.entries(ports)) {
    if (await isFree(port)) continue
    throw new CliError(
      `Port ${port} on 127.0.0.1 (${name}) is in use by another program.`,
      name === 'gateway'
        ? 'Stop that program, or choose another port with `keystead up --gateway-port N`.'
        : 'Stop that program, then try again.',
    )
  }
}

function processesOf(directory: DataDirectory, settings: Settings, masterKey: MasterKey): readonly ProcessSpec[] {
  const { ports } = settings
  const azurite = azuriteCommand({
    directory: directory.storage,
    blobPort: ports.blob,
    queuePort: ports.queue,
    secret: azuriteSecret(masterKey),
  })
  const logs = logsCommand({ directory: directory.logAnalytics, port: ports.logs, secret: logsSecret(masterKey) })
  const core = fileURLToPath(new URL('../core/main.js', import.meta.url))
  return [
    {
      name: 'azurite',
      args: azurite.args,
      environment: azurite.environment,
      address: `http://127.0.0.1:${ports.blob}, http://127.0.0.1:${ports.queue}`,
      readiness: { ports: [ports.blob, ports.queue] },
    },
    {
      name: 'logs',
      args: logs.args,
      environment: logs.environment,
      address: `http://127.0.0.1:${ports.logs}`,
      readiness: { ports: [ports.logs] },
    },
    {
      name: 'core',
      args: ['--enable-source-maps', core, directory.path],
      environment: process.env,
      address: `https://127.0.0.1:${ports.gateway}`,
      readiness: 'message',
    },
  ]
}
