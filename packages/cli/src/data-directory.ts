/** The layout of a data directory: everything that one cloud keeps on disk. */
import { mkdir, readdir, readFile, rename, rm, rmdir, writeFile } from 'node:fs/promises'
import { homedir } from 'node:os'
import { join, resolve } from 'node:path'
import { z } from 'zod'
import { CliError } from './cli-error.ts'

/** What stays the same from one start to the next, so that a client's variables stay true. Nothing here is secret. */
const settingsSchema = z.object({
  format: z.literal(1),
  tenantId: z.guid(),
  subscriptionId: z.guid(),
  ports: z.object({
    gateway: z.int().min(1).max(65_535),
    managedIdentity: z.int().min(1).max(65_535),
    blob: z.int().min(1).max(65_535),
    queue: z.int().min(1).max(65_535),
    /** 0 in a cloud that was made before it had logs: it gets one at its next start. */
    logs: z.int().max(65_535).default(0),
  }),
})
export type Settings = z.infer<typeof settingsSchema>

/** What runs now, written by the supervisor. */
const runtimeSchema = z.object({
  pid: z.int(),
  ready: z.boolean(),
  failure: z.string().optional(),
  processes: z.array(
    z.object({
      name: z.string(),
      pid: z.int().optional(),
      state: z.enum(['starting', 'running', 'restarting', 'stopped']),
      address: z.string(),
      restarts: z.int(),
    }),
  ),
})
export type Runtime = z.infer<typeof runtimeSchema>

/** The entries of a data directory; nothing else in it is ever deleted. */
const ownDirectories = ['logs', 'log-analytics', 'storage', 'ca', 'azure', 'azure-direct', 'apps', 'container-apps']
const ownFiles = [
  'keystead.db',
  'master.key',
  'supervisor.lock',
  'owner.sealed',
  'settings.json',
  'runtime.json',
  'images.json',
]

function isOwn(entry: string): boolean {
  if (ownDirectories.includes(entry)) return true
  // Beside a file: SQLite's log (`-wal`), and what is written before a rename (`.tmp`).
  return ownFiles.some((file) => entry === file || entry.startsWith(`${file}-`) || entry.startsWith(`${file}.`))
}

export class DataDirectory {
  readonly path: string

  constructor(path: string) {
    this.path = resolve(path)
  }

  get database(): string {
    return join(this.path, 'keystead.db')
  }
  get masterKey(): string {
    return join(this.path, 'master.key')
  }
  get lock(): string {
    return join(this.path, 'supervisor.lock')
  }
  get logs(): string {
    return join(this.path, 'logs')
  }
  /** The databases of the workspaces. */
  get logAnalytics(): string {
    return join(this.path, 'log-analytics')
  }
  get audit(): string {
    return join(this.logs, 'audit.jsonl')
  }
  get storage(): string {
    return join(this.path, 'storage')
  }
  get authority(): string {
    return join(this.path, 'ca')
  }
  /** The local CA's certificate alone. */
  get caCertificate(): string {
    return join(this.path, 'ca', 'ca.pem')
  }
  /** The system's roots with the local CA. */
  get caBundle(): string {
    return join(this.path, 'ca', 'bundle.pem')
  }
  get javaTrustStore(): string {
    return join(this.path, 'ca', 'truststore.p12')
  }
  /** What `keystead run` was last told of each app. */
  get apps(): string {
    return join(this.path, 'apps')
  }
  /** What the platform keeps while replicas run. */
  get containerApps(): string {
    return join(this.path, 'container-apps')
  }
  /** Which images stand for a folder of this machine. */
  get images(): string {
    return join(this.path, 'images.json')
  }
  get azureConfig(): string {
    return join(this.path, 'azure')
  }
  /** For az without the proxy: which cloud is which is kept there, so it must not be the other's. */
  get azureDirectConfig(): string {
    return join(this.path, 'azure-direct')
  }
  /** The owner service principal's client id and secret, sealed under the master key. */
  get owner(): string {
    return join(this.path, 'owner.sealed')
  }

  async create(): Promise<void> {
    for (const directory of [this.path, this.logs, this.storage, this.authority, this.azureConfig]) {
      await mkdir(directory, { recursive: true, mode: 0o700 })
    }
  }

  /** Whether anything of a cloud is here, however damaged. */
  async holdsCloud(): Promise<boolean> {
    const entries = await this.#entries()
    return entries.includes('settings.json') || entries.includes('keystead.db')
  }

  /** Deletes what a cloud keeps, and the directory itself when nothing else is in it. */
  async clear(): Promise<void> {
    const entries = await this.#entries()
    for (const entry of entries.filter(isOwn)) await rm(join(this.path, entry), { recursive: true, force: true })
    await rmdir(this.path).catch((error: NodeJS.ErrnoException) => {
      if (error.code !== 'ENOTEMPTY' && error.code !== 'EEXIST' && error.code !== 'ENOENT') throw error
    })
  }

  readSettings(): Promise<Settings | undefined> {
    return this.#read('settings.json', settingsSchema)
  }

  writeSettings(settings: Settings): Promise<void> {
    return this.#write('settings.json', settings)
  }

  /** What runs, or ran when the machine stopped; a damaged file tells as little as none. */
  readRuntime(): Promise<Runtime | undefined> {
    return this.#read('runtime.json', runtimeSchema).catch(() => undefined)
  }

  writeRuntime(runtime: Runtime): Promise<void> {
    return this.#write('runtime.json', runtime)
  }

  async #entries(): Promise<readonly string[]> {
    try {
      return await readdir(this.path)
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return []
      throw error
    }
  }

  async #read<T>(name: string, schema: z.ZodType<T>): Promise<T | undefined> {
    const file = join(this.path, name)
    let text: string
    try {
      text = await readFile(file, 'utf8')
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined
      throw error
    }
    try {
      return schema.parse(JSON.parse(text))
    } catch (cause) {
      throw new CliError(`${file} is damaged.`, 'Restore it from a backup, or start over with `keystead reset`.', {
        cause,
      })
    }
  }

  /** A rename, so that a reader sees the old text or the new one and never half of it. */
  async #write(name: string, value: unknown): Promise<void> {
    const file = join(this.path, name)
    const temporary = `${file}.${process.pid}.tmp`
    await writeFile(temporary, `${JSON.stringify(value, null, 2)}\n`, { mode: 0o600, flush: true })
    await rename(temporary, file)
  }
}

/** `--data-dir`, else `KEYSTEAD_DATA_DIR`, else `~/.keystead`. */
export function defaultDataDirectory(environment: NodeJS.ProcessEnv = process.env): string {
  return environment.KEYSTEAD_DATA_DIR || join(homedir(), '.keystead')
}
