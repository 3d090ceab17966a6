/** The real Azure CLI on a test cloud: commands as a person types them, with a configuration folder of their own. */
import { mkdir, mkdtemp, rm, symlink } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type Finished, run, succeed, type TestCloud } from './cloud.ts'
import { Started } from './started.ts'

/** The Azure CLI that the test runner installed. */
export function azCommand(): string {
  const { KEYSTEAD_AZ } = process.env
  if (!KEYSTEAD_AZ) {
    throw new Error('KEYSTEAD_AZ is not set: run `npm test`, or set it to "$(sh scripts/install-az.sh)/bin/az".')
  }
  return KEYSTEAD_AZ
}

/** Bash takes Node's pipe for a network connection, on which it would read the machine's start files. */
const strictly = ['--norc', '-euo', 'pipefail', '-c'] as const

/** What `ERROR:` introduces, with its following lines; az prints warnings there as well. */
export interface Refusal {
  readonly code: number
  readonly stderr: string
  readonly message: string
}

/**
 * One person at one terminal: `az` is on PATH, the variables of `keystead env` are set, and HOME is an empty folder.
 * Every az command takes a second or more, so a test file signs one in and shares it.
 */
export class Az implements AsyncDisposable {
  /** HOME. Files that commands read or write by relative paths are here as well. */
  readonly home: string
  /** What every command sees; a test may add variables that its commands use. */
  readonly environment: Record<string, string>

  private constructor(home: string, environment: Record<string, string>) {
    this.home = home
    this.environment = environment
  }

  /** Not signed in. Variables in `changes` are set, or are absent where it says undefined. */
  static async at(cloud: TestCloud, changes: Readonly<Record<string, string | undefined>> = {}): Promise<Az> {
    const home = await mkdtemp(join(tmpdir(), 'keystead-az-'))
    await mkdir(join(home, 'bin'))
    // Alone in its folder: the Python beside it must not become the one that tests find on PATH.
    await symlink(azCommand(), join(home, 'bin/az'))
    const environment = {
      LANG: 'C.UTF-8',
      PATH: `${join(home, 'bin')}:${process.env.PATH ?? ''}`,
      HOME: home,
      ...cloud.environment,
      AZURE_CONFIG_DIR: join(home, 'config'),
      ...changes,
    }
    const set = Object.entries(environment).filter((entry): entry is [string, string] => entry[1] !== undefined)
    return new Az(home, Object.fromEntries(set))
  }

  /** Signed in as the cloud's owner. */
  static async asOwner(cloud: TestCloud): Promise<Az> {
    const az = await Az.at(cloud)
    const { AZURE_CLIENT_ID, AZURE_CLIENT_SECRET, AZURE_TENANT_ID } = cloud.environment
    await az.signIn({ clientId: AZURE_CLIENT_ID, clientSecret: AZURE_CLIENT_SECRET, tenantId: AZURE_TENANT_ID })
    return az
  }

  async signIn(who: {
    readonly clientId: string
    readonly clientSecret: string
    readonly tenantId: string
  }): Promise<void> {
    await this.succeed('az login --service-principal -u "$who" -p "$password" --tenant "$tenant" --output none', {
      who: who.clientId,
      password: who.clientSecret,
      tenant: who.tenantId,
    })
  }

  /**
   * Runs a shell command or a script of many, which stops at the first that fails: `az group create -n rg -l "$region"`.
   * `variables` are set for it alone.
   */
  run(command: string, variables: Readonly<Record<string, string>> = {}): Promise<Finished> {
    return run('bash', [...strictly, command], {
      env: { ...this.environment, ...variables },
      cwd: this.home,
    })
  }

  /** For a command that waits for something that the test does. */
  start(command: string, variables: Readonly<Record<string, string>> = {}): Started {
    return new Started('bash', [...strictly, command], {
      env: { ...this.environment, ...variables },
      cwd: this.home,
    })
  }

  /** Throws, with what was printed, when the command fails. */
  succeed(command: string, variables?: Readonly<Record<string, string>>): Promise<Finished> {
    return succeed(this.run(command, variables))
  }

  /** What one command printed, parsed; undefined when it printed nothing. */
  async json<T = unknown>(command: string, variables?: Readonly<Record<string, string>>): Promise<T> {
    const { stdout } = await this.succeed(command, variables)
    return (stdout.trim() === '' ? undefined : JSON.parse(stdout)) as T
  }

  /** What one command printed, without its last line's end: `--output tsv`. */
  async text(command: string, variables?: Readonly<Record<string, string>>): Promise<string> {
    return (await this.succeed(command, variables)).stdout.replace(/\n$/, '')
  }

  /** How a command was refused. Throws when it was not, and when az failed by a fault of its own. */
  async refused(command: string, variables?: Readonly<Record<string, string>>): Promise<Refusal> {
    const { code, stdout, stderr } = await this.run(command, variables)
    if (code === 0) throw new Error(`The command was not refused.\n${stdout}\n${stderr}`)
    if (code === null || stderr.includes('Traceback (most recent call last)')) {
      throw new Error(`The command broke off.\n${stdout}\n${stderr}`)
    }
    return { code, stderr, message: /^ERROR: ([\s\S]*)/m.exec(stderr)?.[1]?.trim() ?? stderr.trim() }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await rm(this.home, { recursive: true, force: true })
  }
}
