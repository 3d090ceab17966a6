/** A cloud of its own for one test file: started by the command a person uses, gone when the file is done. */
import { spawn } from 'node:child_process'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { setDefaultCACertificates } from 'node:tls'
import { fileURLToPath } from 'node:url'
import { quietPort } from './ports.ts'

export const root = fileURLToPath(new URL('../..', import.meta.url))
export const keysteadCommand = join(root, 'bin/keystead')
export const sidecarCommand = join(root, 'bin/keystead-sidecar')

export interface Finished {
  readonly code: number | null
  readonly signal: NodeJS.Signals | null
  readonly stdout: string
  readonly stderr: string
}

/** Runs a command to its end and keeps what it printed. */
export async function run(
  command: string,
  args: readonly string[],
  options: { env?: NodeJS.ProcessEnv; input?: string; cwd?: string } = {},
): Promise<Finished> {
  const child = spawn(command, args, {
    env: options.env ?? process.env,
    cwd: options.cwd ?? root,
    stdio: ['pipe', 'pipe', 'pipe'],
  })
  child.stdin.on('error', () => {})
  child.stdin.end(options.input ?? '')
  const ended = new Promise<{ code: number | null; signal: NodeJS.Signals | null }>((resolve, reject) => {
    child.once('error', reject)
    child.once('close', (code, signal) => resolve({ code, signal }))
  })
  const [stdout, stderr, end] = await Promise.all([text(child.stdout), text(child.stderr), ended])
  return { ...end, stdout, stderr }
}

/** `bin/keystead` on one data directory. */
export function keystead(dataDirectory: string, name: string, ...rest: string[]): Promise<Finished> {
  return run(keysteadCommand, [name, '--data-dir', dataDirectory, ...rest])
}

/** Everything a client process needs to reach the cloud, the owner's credentials included. */
export type CloudEnvironment = Readonly<Record<string, string>> & {
  readonly AZURE_TENANT_ID: string
  readonly AZURE_CLIENT_ID: string
  readonly AZURE_CLIENT_SECRET: string
  readonly AZURE_SUBSCRIPTION_ID: string
}

export class TestCloud implements AsyncDisposable {
  readonly dataDirectory: string
  readonly environment: CloudEnvironment

  /** What `keystead` itself was started with, and is every time again. */
  readonly #ownEnvironment: NodeJS.ProcessEnv

  private constructor(dataDirectory: string, environment: CloudEnvironment, ownEnvironment: NodeJS.ProcessEnv) {
    this.dataDirectory = dataDirectory
    this.environment = environment
    this.#ownEnvironment = ownEnvironment
  }

  /** `environment` is what `keystead` sees besides this process's variables, e.g. a proxy that was there before. */
  static async start(environment: NodeJS.ProcessEnv = {}): Promise<TestCloud> {
    const dataDirectory = await mkdtemp(join(tmpdir(), 'keystead-test-'))
    const env = { ...process.env, ...environment }
    const port = String(await quietPort())
    await succeed(
      run(keysteadCommand, ['up', '--data-dir', dataDirectory, '--gateway-port', port, '--detach'], { env }),
    )
    const { stdout } = await succeed(keystead(dataDirectory, 'env', '--output', 'json'))
    return new TestCloud(dataDirectory, JSON.parse(stdout) as CloudEnvironment, env)
  }

  /** Points the clients of this test process at the cloud; no credential is put into its environment. */
  async connect(): Promise<void> {
    for (const [name, value] of Object.entries(this.environment)) {
      if (!name.startsWith('AZURE_')) process.env[name] = value
    }
    setDefaultCACertificates([await readFile(this.environment.NODE_EXTRA_CA_CERTS ?? '', 'utf8')])
  }

  keystead(name: string, ...rest: string[]): Promise<Finished> {
    return run(keysteadCommand, [name, '--data-dir', this.dataDirectory, ...rest], { env: this.#ownEnvironment })
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await succeed(this.keystead('reset', '--yes'))
    await rm(this.dataDirectory, { recursive: true, force: true })
  }
}

/** Fails the test with what the command printed. */
export async function succeed(finished: Promise<Finished>): Promise<Finished> {
  const { code, signal, stdout, stderr } = await finished
  if (code !== 0) throw new Error(`The command ended with ${signal ?? code}.\n${stdout}\n${stderr}`)
  return { code, signal, stdout, stderr }
}
