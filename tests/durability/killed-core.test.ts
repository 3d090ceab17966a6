import { randomBytes, randomInt, randomUUID } from 'node:crypto'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { Agent, request } from 'node:https'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { setTimeout as delay } from 'node:timers/promises'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { type CloudEnvironment, keystead, keysteadCommand, run, succeed } from '../support/cloud.ts'
import { Core } from '../support/core.ts'
import { Gateway } from '../support/gateway.ts'
import { quietPort } from '../support/ports.ts'

const kills = 200
/** Clouds that are killed at the same time, each with its own data: one for each core of a small machine. */
const lanes = 2
const killsPerLane = kills / lanes
/** Kills while it starts, besides: one after so many others. */
const killsBetweenStartKills = 20
const writersPerLane = 6

const secretsOfficer = 'b86a8fe4-44ce-4948-aee5-eccb2c155cd7'
const reader = 'acdd72a7-3385-48ef-bd42-f606fba81ae7'

interface Answer {
  readonly status: number
  readonly requestId: string
  readonly body: Record<string, unknown>
}

/** A cloud with clients that write without end, and what of it was acknowledged. */
class Lane {
  readonly directory: string
  /** By the id of the secret's version. */
  readonly secrets = new Map<string, string>()
  readonly groups = new Map<string, string>()
  /** Resource ids. */
  readonly assignments = new Set<string>()
  readonly removed = new Set<string>()
  readonly requestIds: string[] = []
  unanswered = 0
  #agent = new Agent({ keepAlive: true })
  #environment: CloudEnvironment | undefined
  #gateway: Gateway | undefined
  #ca = ''
  #owner = ''
  #tokens = new Map<string, string>()
  #writing = false
  #enough = { at: Number.POSITIVE_INFINITY, resolve: () => {} }
  #number = 0
  #assigned = 0

  constructor(directory: string) {
    this.directory = directory
  }

  get #subscription(): string {
    return `/subscriptions/${this.#environment?.AZURE_SUBSCRIPTION_ID}`
  }

  async prepare(): Promise<void> {
    const port = String(await quietPort())
    await succeed(
      run(keysteadCommand, ['up', '--data-dir', this.directory, '--gateway-port', port, '--detach'], {
        env: environment,
      }),
    )
    const { stdout } = await succeed(keystead(this.directory, 'env', '--output', 'json'))
    this.#environment = JSON.parse(stdout) as CloudEnvironment
    this.#ca = await readFile(this.#environment.NODE_EXTRA_CA_CERTS ?? '', 'utf8')
    this.#gateway = await Gateway.of(this.#environment)
    for (const [host, resource] of [
      ['management.azure.com', 'https://management.azure.com'],
      [this.#vault, 'https://vault.azure.net'],
    ] as const) {
      this.#tokens.set(host, await this.#gateway.ownerToken(resource))
    }
    const claims = this.#tokens.get(this.#vault)?.split('.')[1] ?? ''
    this.#owner = (JSON.parse(Buffer.from(claims, 'base64url').toString()) as { oid: string }).oid
    await this.#group('rg')
    const id = `${this.#subscription}/resourceGroups/rg/providers/Microsoft.KeyVault/vaults/${this.#vault.split('.')[0]}`
    const { AZURE_TENANT_ID: tenantId } = this.#environment
    const vault = await this.#arm('PUT', `${id}?api-version=2023-07-01`, {
      location: 'westeurope',
      properties: { tenantId, sku: { family: 'A', name: 'standard' }, enableRbacAuthorization: true },
    })
    expect(vault.status).toBeLessThan(300)
    await this.#assign(id, secretsOfficer)
    await succeed(keystead(this.directory, 'down'))
  }

  get #vault(): string {
    return 'kv-durable.vault.azure.net'
  }

  /** Writes until `core` is killed, which is `afterMs` after that many more writes were acknowledged. */
  async live(core: Core, writes: number, afterMs: number): Promise<void> {
    await core.ready
    const enough = new Promise<void>((resolve) => {
      this.#enough = { at: this.requestIds.length + writes, resolve }
    })
    this.#agent.destroy()
    this.#agent = new Agent({ keepAlive: true })
    this.#writing = true
    const writers = Array.from({ length: writersPerLane }, (_, index) => this.#write(index))
    // A writer that was refused ends the wait.
    await Promise.race([enough, ...writers])
    await delay(afterMs)
    await core.kill()
    this.#writing = false
    await Promise.all(writers)
  }

  async #write(writer: number): Promise<void> {
    while (this.#writing) {
      try {
        if (writer % 3 === 0) await this.#group(`group-${++this.#number}`)
        else if (writer % 3 === 1) await this.#secret(`secret-${randomInt(20)}`)
        else await this.#role()
      } catch (error) {
        if (error instanceof Refused) throw error
        this.unanswered += 1
        if (!this.#writing) return
        // Nothing listens: it is being killed.
        await delay(5)
      }
    }
  }

  async #group(name: string): Promise<void> {
    const tag = randomUUID()
    const answer = await this.#arm('PUT', `${this.#subscription}/resourceGroups/${name}?api-version=2021-04-01`, {
      location: 'westeurope',
      tags: { tag },
    })
    this.#acknowledged(answer)
    this.groups.set(name, tag)
  }

  async #secret(name: string): Promise<void> {
    const value = randomBytes(24).toString('base64url')
    const answer = await this.#send('PUT', this.#vault, `/secrets/${name}?api-version=7.5`, { value })
    this.#acknowledged(answer)
    this.secrets.set(String(answer.body.id), value)
  }

  /** An assignment with a principal of its own; every third one is taken away again. */
  async #role(): Promise<void> {
    const id = await this.#assign(`${this.#subscription}/resourceGroups/rg`, reader, randomUUID())
    this.#assigned += 1
    if (this.#assigned % 3 !== 0) return
    this.assignments.delete(id)
    // From here on nobody knows, until it is answered.
    this.#acknowledged(await this.#arm('DELETE', `${id}?api-version=2022-04-01`))
    this.removed.add(id)
  }

  async #assign(scope: string, role: string, principalId = this.#owner): Promise<string> {
    const id = `${scope}/providers/Microsoft.Authorization/roleAssignments/${randomUUID()}`
    const answer = await this.#arm('PUT', `${id}?api-version=2022-04-01`, {
      properties: {
        roleDefinitionId: `${this.#subscription}/providers/Microsoft.Authorization/roleDefinitions/${role}`,
        principalId,
        principalType: 'ServicePrincipal',
      },
    })
    this.#acknowledged(answer)
    this.assignments.add(id)
    return id
  }

  #acknowledged({ status, requestId, body }: Answer): void {
    if (status >= 300) throw new Refused(`${status}: ${JSON.stringify(body)}`)
    this.requestIds.push(requestId)
    if (this.requestIds.length >= this.#enough.at) this.#enough.resolve()
  }

  /** What was acknowledged and is not there, or not as it was written. */
  async losses(): Promise<readonly string[]> {
    const lost: string[] = []
    const groups = await this.#list(`${this.#subscription}/resourcegroups?api-version=2021-04-01`)
    const tags = new Map(groups.map((group) => [group.name, (group.tags as { tag?: string } | undefined)?.tag]))
    for (const [name, tag] of this.groups) if (tags.get(name) !== tag) lost.push(`group ${name}`)
    const listed = await this.#list(
      `${this.#subscription}/providers/Microsoft.Authorization/roleAssignments?api-version=2022-04-01`,
    )
    const assignments = new Set(listed.map(({ id }) => id))
    for (const id of this.assignments) if (!assignments.has(id)) lost.push(`assignment ${id}`)
    for (const id of this.removed) if (assignments.has(id)) lost.push(`removal of ${id}`)
    for (const [id, value] of this.secrets) {
      const answer = await this.#send('GET', this.#vault, `${new URL(id).pathname}?api-version=7.5`)
      if (answer.status !== 200 || answer.body.value !== value) lost.push(`secret ${id}: ${answer.status}`)
    }
    const audit = await readFile(join(this.directory, 'logs/audit.jsonl'), 'utf8')
    const audited = new Set(audit.split('\n').flatMap((line) => (line ? JSON.parse(line).requestId : [])))
    for (const id of this.requestIds) if (!audited.has(id)) lost.push(`audit event ${id}`)
    return lost
  }

  async #list(path: string): Promise<readonly Record<string, unknown>[]> {
    const found: Record<string, unknown>[] = []
    for (let next: string | undefined = path; next !== undefined; ) {
      const { status, body } = await this.#arm('GET', next)
      expect(status).toBe(200)
      found.push(...(body.value as Record<string, unknown>[]))
      next = body.nextLink === undefined ? undefined : String(body.nextLink).replace(/^https:\/\/[^/]+/, '')
    }
    return found
  }

  #arm(method: string, path: string, body?: unknown): Promise<Answer> {
    return this.#send(method, 'management.azure.com', path, body)
  }

  #send(method: string, host: string, path: string, body?: unknown): Promise<Answer> {
    return new Promise((resolve, reject) => {
      const outgoing = request(
        {
          agent: this.#agent,
          host: '127.0.0.1',
          port: this.#gateway?.port,
          servername: host,
          ca: this.#ca,
          method,
          path,
          headers: { host, authorization: `Bearer ${this.#tokens.get(host)}`, 'content-type': 'application/json' },
        },
        (response) => {
          text(response).then((body) => {
            resolve({
              status: response.statusCode ?? 0,
              requestId: String(response.headers['x-ms-request-id']),
              body: body ? JSON.parse(body) : {},
            })
          }, reject)
        },
      )
      outgoing.on('error', reject)
      outgoing.end(body === undefined ? undefined : JSON.stringify(body))
    })
  }

  close(): void {
    this.#agent.destroy()
  }
}

/** The cloud answered, and not with success: no kill explains that. */
class Refused extends Error {}

let directory: string
/** Code that was compiled before, so that most of the time is spent writing and not starting. */
const environment: NodeJS.ProcessEnv = { ...process.env }
let all: readonly Lane[]

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'keystead-killed-'))
  environment.NODE_COMPILE_CACHE = join(directory, 'compiled')
  all = Array.from({ length: lanes }, (_, index) => new Lane(join(directory, String(index))))
  await Promise.all(all.map((lane) => lane.prepare()))
})
afterAll(async () => {
  for (const lane of all) lane.close()
  await rm(directory, { recursive: true, force: true })
})

test(`${kills} random kill -9 during writes of secrets, roles and groups lose nothing that was acknowledged`, {
  timeout: 1_200_000,
}, async () => {
  const acknowledged = await Promise.all(
    all.map(async (lane) => {
      for (let kill = 0; kill < killsPerLane; kill += 1) {
        if (kill % killsBetweenStartKills === 1) {
          const starting = new Core(lane.directory, environment)
          await delay(randomInt(100, 1000))
          await starting.kill()
        }
        await lane.live(new Core(lane.directory, environment), randomInt(1, 40), randomInt(20))
      }
      const core = new Core(lane.directory, environment)
      await core.ready
      expect(await lane.losses()).toEqual([])
      await core.kill('SIGTERM')
      // Every kind was written, and kills did hit requests that were under way.
      for (const kind of [lane.secrets, lane.groups, lane.assignments, lane.removed]) {
        expect(kind.size).toBeGreaterThan(killsPerLane)
      }
      expect(lane.unanswered).toBeGreaterThan(killsPerLane)
      return lane.requestIds.length
    }),
  )
  console.log(`${kills} kills, ${acknowledged.reduce((sum, count) => sum + count)} acknowledged writes`)
})
