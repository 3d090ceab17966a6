/** A cloud of the benchmark's own, started by the command that a person uses: TLS, decisions and audit as in use. */
import { randomUUID } from 'node:crypto'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { cloudMigrations } from '@keystead/cli'
import { seedSecrets } from '@keystead/key-vault/seeding'
import { loadMasterKey, openStore } from '@keystead/store'
import { root, run } from './command.ts'
import { type Address, send, type WireAnswer, type WireRequest } from './wire.ts'

const keystead = join(root, 'bin/keystead')
const secretsOfficer = 'b86a8fe4-44ce-4948-aee5-eccb2c155cd7'
const location = 'westeurope'

export const vaultName = 'bench'
export const armHost = 'management.azure.com'
export const vaultHost = `${vaultName}.vault.azure.net`

interface Environment {
  readonly AZURE_TENANT_ID: string
  readonly AZURE_CLIENT_ID: string
  readonly AZURE_CLIENT_SECRET: string
  readonly AZURE_SUBSCRIPTION_ID: string
  readonly NODE_EXTRA_CA_CERTS: string
}

export interface CloudOptions {
  /** `KEYSTEAD_VAULT_CACHE_BYTES`; as by default when absent. */
  readonly cacheBytes?: number
}

export class Cloud implements AsyncDisposable {
  readonly #directory: string
  readonly #variables: NodeJS.ProcessEnv
  #environment: Environment | undefined
  #gatewayPort = 0
  #ca = ''

  private constructor(directory: string, options: CloudOptions) {
    this.#directory = directory
    this.#variables = {
      ...process.env,
      ...(options.cacheBytes === undefined ? {} : { KEYSTEAD_VAULT_CACHE_BYTES: String(options.cacheBytes) }),
    }
  }

  /** A cloud with nothing in it. */
  static async start(options: CloudOptions = {}): Promise<Cloud> {
    const cloud = new Cloud(await mkdtemp(join(tmpdir(), 'keystead-bench-cloud-')), options)
    try {
      await cloud.#up()
      return cloud
    } catch (error) {
      await cloud[Symbol.asyncDispose]()
      throw error
    }
  }

  async #up(): Promise<void> {
    const ready = JSON.parse(await this.#keystead('up', '--detach', '--output', 'json')) as { gateway: string }
    this.#gatewayPort = Number(ready.gateway.split(':')[1])
    this.#environment = JSON.parse(await this.#keystead('env', '--output', 'json')) as Environment
    this.#ca = await readFile(this.#environment.NODE_EXTRA_CA_CERTS, 'utf8')
  }

  /** Where one of its hosts is reached: TLS right at the gateway, as through its proxy once that has said yes. */
  address(host: string): Address {
    return { port: this.#gatewayPort, tls: { servername: host, ca: this.#ca } }
  }

  /** The pid of each of its processes. */
  async processes(): Promise<ReadonlyMap<string, number>> {
    const { processes } = JSON.parse(await this.#keystead('status', '--output', 'json')) as {
      processes: readonly { name: string; pid: number }[]
    }
    return new Map(processes.map(({ name, pid }) => [name, pid]))
  }

  /** The pid of the process that answers. */
  async core(): Promise<number> {
    const pid = (await this.processes()).get('core')
    if (pid === undefined) throw new Error('The cloud has no core.')
    return pid
  }

  /** A vault that decides by roles, full of secrets that its owner may read. */
  async makeVault(names: readonly string[], versionsEach: number): Promise<void> {
    const token = await this.#armToken()
    const { AZURE_TENANT_ID: tenantId } = this.#env
    await this.#arm(token, this.#group, '2024-11-01', { location })
    const vault = this.#vault
    const properties = {
      tenantId,
      sku: { family: 'A', name: 'standard' },
      enableRbacAuthorization: true,
      accessPolicies: [],
    }
    await this.#arm(token, vault, '2024-11-01', { location, properties })
    await this.#arm(token, `${vault}/providers/Microsoft.Authorization/roleAssignments/${randomUUID()}`, '2022-04-01', {
      properties: {
        roleDefinitionId: `/subscriptions/${this.#env.AZURE_SUBSCRIPTION_ID}/providers/Microsoft.Authorization/roleDefinitions/${secretsOfficer}`,
        principalId: claims(token).oid,
        principalType: 'ServicePrincipal',
      },
    })
    await this.#keystead('down')
    await this.#seed(names, versionsEach)
    await this.#up()
  }

  /** Only while it is down: its database has one owner. */
  async #seed(names: readonly string[], versionsEach: number): Promise<void> {
    const file = join(this.#directory, 'master.key')
    const masterKey = await loadMasterKey({ file, environment: process.env, create: false })
    const path = join(this.#directory, 'keystead.db')
    const store = await openStore({ path, masterKey, migrations: cloudMigrations })
    try {
      const now = Math.floor(Date.now() / 1000)
      const value = (name: string) => `not-a-secret-but-as-long-as-one-${name}`
      await seedSecrets({ store, vaultName, names, versionsEach, now, value })
    } finally {
      await store.close()
    }
  }

  /** So many different tokens for the vault, from the token service. */
  async vaultTokens(count: number): Promise<readonly string[]> {
    const tokens: string[] = []
    const atOnce = 16
    while (tokens.length < count) {
      const more = Math.min(atOnce, count - tokens.length)
      tokens.push(...(await Promise.all(Array.from({ length: more }, () => this.#token('https://vault.azure.net')))))
    }
    if (new Set(tokens).size !== count) throw new Error('The token service gave a token twice.')
    return tokens
  }

  /** A managed identity's endpoint for one replica. */
  async makeReplica(): Promise<{ readonly endpoint: URL; readonly header: string; readonly clientId: string }> {
    const token = await this.#armToken()
    await this.#arm(token, this.#group, '2024-11-01', { location })
    const id = `${this.#group}/providers/Microsoft.ManagedIdentity/userAssignedIdentities/bench`
    const identity = await this.#arm(token, id, '2023-01-31', { location })
    const { clientId } = (JSON.parse(identity.body) as { properties: { clientId: string } }).properties
    const answer = await send(this.address('control.keystead.localhost'), {
      method: 'PUT',
      path: '/replicas/bench-1',
      headers: {
        Host: 'control.keystead.localhost',
        Authorization: `Bearer ${token}`,
        'Content-Type': 'application/json',
      },
      body: JSON.stringify({ identities: [id] }),
    })
    const { identityEndpoint, identityHeader } = JSON.parse(succeeded(answer).body) as Record<string, string>
    return { endpoint: new URL(identityEndpoint ?? ''), header: identityHeader ?? '', clientId }
  }

  get #env(): Environment {
    if (!this.#environment) throw new Error('The cloud is not up.')
    return this.#environment
  }

  get #group(): string {
    return `/subscriptions/${this.#env.AZURE_SUBSCRIPTION_ID}/resourceGroups/bench`
  }

  get #vault(): string {
    return `${this.#group}/providers/Microsoft.KeyVault/vaults/${vaultName}`
  }

  #armToken(): Promise<string> {
    return this.#token('https://management.azure.com')
  }

  async #token(resource: string): Promise<string> {
    const { AZURE_TENANT_ID, AZURE_CLIENT_ID, AZURE_CLIENT_SECRET } = this.#env
    const host = 'login.microsoftonline.com'
    const answer = await send(this.address(host), {
      method: 'POST',
      path: `/${AZURE_TENANT_ID}/oauth2/v2.0/token`,
      headers: { Host: host, 'Content-Type': 'application/x-www-form-urlencoded' },
      body: new URLSearchParams({
        grant_type: 'client_credentials',
        client_id: AZURE_CLIENT_ID,
        client_secret: AZURE_CLIENT_SECRET,
        scope: `${resource}/.default`,
      }).toString(),
    })
    return (JSON.parse(succeeded(answer).body) as { access_token: string }).access_token
  }

  /** A read of the vault's resource, by its owner. */
  async vaultResource(): Promise<WireRequest> {
    return {
      method: 'GET',
      path: `${this.#vault}?api-version=2024-11-01`,
      headers: { Host: armHost, Authorization: `Bearer ${await this.#armToken()}`, Accept: 'application/json' },
    }
  }

  async #arm(token: string, id: string, apiVersion: string, body: unknown): Promise<WireAnswer> {
    const host = armHost
    const answer = await send(this.address(host), {
      method: 'PUT',
      path: `${id}?api-version=${apiVersion}`,
      headers: { Host: host, Authorization: `Bearer ${token}`, 'Content-Type': 'application/json' },
      body: JSON.stringify(body),
    })
    return succeeded(answer)
  }

  #keystead(name: string, ...rest: string[]): Promise<string> {
    return run(keystead, [name, '--data-dir', this.#directory, ...rest], this.#variables)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#keystead('reset', '--yes')
    await rm(this.#directory, { recursive: true, force: true })
  }
}

function succeeded(answer: WireAnswer): WireAnswer {
  if (answer.status >= 300) throw new Error(`The cloud answered ${answer.status}: ${answer.body}`)
  return answer
}

function claims(token: string): { readonly oid: string } {
  return JSON.parse(Buffer.from(token.split('.')[1] ?? '', 'base64url').toString('utf8')) as { oid: string }
}
