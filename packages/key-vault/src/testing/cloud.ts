/** Key Vault over the real store, identity, authorization and Resource Manager, reached over loopback as clients reach it. */
import { randomBytes, randomUUID } from 'node:crypto'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { createServer, request as httpRequest, type RequestListener } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { KeyVaultManagementClient } from '@azure/arm-keyvault'
import { createDefaultHttpClient, type HttpClient } from '@azure/core-rest-pipeline'
import { SecretClient } from '@azure/keyvault-secrets'
import type { AuditTrailError, Authorizer, RoleAssignment } from '@keystead/authorization'
import type { ResourceStore } from '@keystead/resource-manager'
import { openTestCore } from '@keystead/resource-manager/testing'
import { masterKeyOf, type Store } from '@keystead/store'
import { keyVaultMigrations } from '../migrations.ts'
import { type KeyVault, type KeyVaultOptions, openKeyVault } from '../service.ts'

export const tenantId = '11111111-1111-4111-8111-111111111111'
export const subscriptionId = '22222222-2222-4222-8222-222222222222'
export const groupPath = `/subscriptions/${subscriptionId}/resourceGroups/rg`

export const roles = {
  owner: '8e3af657-a8ff-443c-a75c-2fe8c4bcb635',
  contributor: 'b24988ac-6180-42a0-ab88-20f7382dd24c',
  vaultAdministrator: '00482a5a-887f-4fb3-b363-3b7fe8e74483',
  secretsOfficer: 'b86a8fe4-44ce-4948-aee5-eccb2c155cd7',
  secretsUser: '4633458b-17de-408a-b874-0445c86b69e6',
  vaultReader: '21090545-7ca7-4776-b22c-e363652d74d2',
} as const

/** An application, who gets its tokens from the token service. */
export interface Person {
  readonly objectId: string
  readonly appId: string
  /** A token of the tenant for a resource such as `https://vault.azure.net`. */
  token(resource: string): Promise<string>
}

export interface Reply {
  readonly status: number
  readonly headers: Readonly<Record<string, string | string[] | undefined>>
  readonly text: string
  readonly body: {
    readonly error?: {
      readonly code: string
      readonly message: string
      readonly innererror?: { readonly code: string }
    }
    readonly [key: string]: unknown
  }
}

export interface RawRequest {
  readonly method?: string
  readonly host?: string
  readonly path: string
  /** A person, or the Authorization header itself; absent for none. */
  readonly as?: Person | string
  readonly body?: unknown
  readonly bytes?: Buffer
  readonly headers?: Readonly<Record<string, string>>
}

export interface Logged {
  readonly level: string
  readonly message: string
  readonly fields: Readonly<Record<string, unknown>> | undefined
}

export interface TestCloud {
  readonly store: Store
  readonly authorizer: Authorizer
  readonly resources: ResourceStore
  readonly keyVault: KeyVault
  readonly keyVaultPort: number
  readonly logged: Logged[]
  /** Owner of the subscription. */
  readonly owner: Person
  /** Milliseconds since the epoch, moved by hand. */
  readonly time: { now: number }
  /** What the audit trail answers instead of writing, while it is set. */
  readonly auditFault: { error: Error | undefined }
  person(): Promise<Person>
  /** To the data plane. */
  send(request: RawRequest): Promise<Reply>
  /** To Resource Manager, as the owner unless told otherwise. */
  arm(method: string, path: string, body?: unknown, as?: Person): Promise<Reply>
  secrets(person: Person, vault?: string): SecretClient
  vaults(person?: Person): KeyVaultManagementClient
  vaultId(name: string): string
  /** With roles as its model, unless the properties say otherwise. */
  createVault(name: string, properties?: Readonly<Record<string, unknown>>): Promise<void>
  grant(person: Person, role: string, scope: string): Promise<RoleAssignment>
  audited(): Promise<Record<string, unknown>[]>
  /** Opens Key Vault afresh on the same store, as after a restart. */
  reopen(): Promise<void>
  close(): Promise<void>
}

export async function openTestCloud(options: Pick<KeyVaultOptions, 'cacheBytes'> = {}): Promise<TestCloud> {
  const directory = await mkdtemp(join(tmpdir(), 'key-vault-'))
  const time = { now: Date.now() }
  const clock = () => time.now
  const logged: Logged[] = []
  const log: KeyVaultOptions['log'] = (level, message, fields) => logged.push({ level, message, fields })
  const core = await openTestCore({
    directory,
    masterKey: masterKeyOf(randomBytes(32)),
    migrations: [keyVaultMigrations],
    tenantId,
    subscription: { id: subscriptionId, displayName: 'Keystead' },
    clock,
    log,
  })
  const { store, authorizer, identity, audit, auditFile, manager } = core
  const auditFault: TestCloud['auditFault'] = { error: undefined }
  const record = audit.record.bind(audit)
  audit.record = (event, recorded) =>
    auditFault.error === undefined
      ? record(event, recorded)
      : void setImmediate(recorded, auditFault.error as AuditTrailError)
  const { verifier } = identity
  const service = { store, authorizer, verifier, audit, clock, log }
  const open = () => openKeyVault({ ...service, resources: manager.resources, tenantId, ...options })
  let keyVault = await open()
  manager.register(keyVault.provider)
  const tokens = await listen(identity.tokenService)
  const arms = await listen(manager.listener)
  const vaults = await listen((request, response) => keyVault.listener(request, response))

  async function person(): Promise<Person> {
    const { application, servicePrincipal } = await identity.directory.createApplication({ displayName: 'test' })
    const { secretText } = await identity.directory.addPassword(application.appId, {
      displayName: 'test',
      lifetimeSeconds: 400 * 86_400,
    })
    const held = new Map<string, { readonly token: string; readonly until: number }>()
    return {
      objectId: servicePrincipal.objectId,
      appId: application.appId,
      async token(resource) {
        const known = held.get(resource)
        if (known !== undefined && known.until > time.now) return known.token
        const answer = await fetch(`http://127.0.0.1:${tokens.port}/${tenantId}/oauth2/v2.0/token`, {
          method: 'POST',
          body: new URLSearchParams({
            grant_type: 'client_credentials',
            client_id: application.appId,
            client_secret: secretText,
            scope: `${resource}/.default`,
          }),
        })
        const { access_token: token, expires_in: seconds } = (await answer.json()) as {
          access_token: string
          expires_in: number
        }
        held.set(resource, { token, until: time.now + (seconds - 60) * 1000 })
        return token
      },
    }
  }

  async function grant(to: Person, role: string, scope: string): Promise<RoleAssignment> {
    const assignment: RoleAssignment = {
      name: randomUUID(),
      scope,
      roleDefinitionName: role,
      principalId: to.objectId,
      principalType: 'ServicePrincipal',
      createdBy: to.objectId,
      createdOn: time.now,
    }
    await authorizer.putAssignment(assignment)
    return assignment
  }

  const owner = await person()
  await grant(owner, roles.owner, `/subscriptions/${subscriptionId}`)

  async function arm(method: string, path: string, body?: unknown, as: Person = owner): Promise<Reply> {
    return await sendTo(arms.port, {
      method,
      path,
      host: 'management.azure.com',
      as: `Bearer ${await as.token('https://management.azure.com')}`,
      ...(body === undefined ? {} : { body }),
    })
  }

  async function armOrThrow(method: string, path: string, body: unknown): Promise<void> {
    const reply = await arm(method, path, body)
    if (reply.status >= 300) throw new Error(`${method} ${path}: ${reply.status} ${reply.text}`)
  }

  const vaultId = (name: string) => `${groupPath}/providers/Microsoft.KeyVault/vaults/${name}`
  await armOrThrow('PUT', `${groupPath}?api-version=2024-11-01`, { location: 'westeurope' })

  return {
    store,
    authorizer,
    resources: manager.resources,
    get keyVault() {
      return keyVault
    },
    keyVaultPort: vaults.port,
    logged,
    owner,
    time,
    auditFault,
    person,
    async send(request) {
      const { as } = request
      const authorization = typeof as === 'object' ? `Bearer ${await as.token('https://vault.azure.net')}` : as
      const { as: _as, ...rest } = request
      return await sendTo(vaults.port, { ...rest, ...(authorization === undefined ? {} : { as: authorization }) })
    },
    arm,
    secrets: (of, vault = 'kv1') =>
      new SecretClient(`https://${vault}.vault.azure.net`, credential(of, 'https://vault.azure.net'), {
        httpClient: throughLoopback(vaults.port),
        retryOptions: { maxRetries: 0 },
      }),
    vaults: (of = owner) =>
      new KeyVaultManagementClient(credential(of, 'https://management.azure.com'), subscriptionId, {
        httpClient: throughLoopback(arms.port),
        retryOptions: { maxRetries: 0 },
      }),
    vaultId,
    createVault: (name, properties = {}) =>
      armOrThrow('PUT', `${vaultId(name)}?api-version=2026-02-01`, {
        location: 'West Europe',
        properties: { tenantId, sku: { family: 'A', name: 'standard' }, enableRbacAuthorization: true, ...properties },
      }),
    grant,
    async audited() {
      const lines = (await readFile(auditFile, 'utf8')).split('\n').filter((line) => line !== '')
      return lines.map((line) => JSON.parse(line) as Record<string, unknown>)
    },
    async reopen() {
      await keyVault.close()
      keyVault = await open()
    },
    async close() {
      await Promise.all([tokens.close(), arms.close(), vaults.close()])
      await keyVault.close()
      await core.close()
      await rm(directory, { recursive: true })
    },
  }
}

function credential(person: Person, resource: string) {
  return {
    getToken: async () => ({ token: await person.token(resource), expiresOnTimestamp: Date.now() + 3_000_000 }),
  }
}

async function listen(listener: RequestListener): Promise<{ port: number; close: () => Promise<void> }> {
  const server = createServer(listener)
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return {
    port: (server.address() as AddressInfo).port,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve())
        server.closeAllConnections()
      }),
  }
}

/** The path goes out as it is written: a URL parser would mend what a test is about. */
function sendTo(port: number, wanted: RawRequest & { readonly as?: string }): Promise<Reply> {
  const payload = wanted.bytes ?? (wanted.body === undefined ? undefined : Buffer.from(JSON.stringify(wanted.body)))
  return new Promise((resolve, reject) => {
    const request = httpRequest(
      {
        port,
        host: '127.0.0.1',
        method: wanted.method ?? 'GET',
        path: wanted.path,
        headers: {
          host: wanted.host ?? 'kv1.vault.azure.net',
          ...(wanted.as === undefined ? {} : { authorization: wanted.as }),
          ...(payload === undefined
            ? {}
            : {
                'content-type': 'application/json',
                ...(wanted.headers?.['transfer-encoding'] === undefined
                  ? { 'content-length': String(payload.byteLength) }
                  : {}),
              }),
          ...wanted.headers,
        },
      },
      (response) => {
        const chunks: Buffer[] = []
        response.on('data', (chunk: Buffer) => chunks.push(chunk))
        response.on('end', () => {
          const text = Buffer.concat(chunks).toString()
          resolve({
            status: response.statusCode ?? 0,
            headers: response.headers,
            text,
            body: text === '' ? {} : (JSON.parse(text) as Reply['body']),
          })
        })
      },
    )
    request.on('error', reject)
    request.end(payload)
  })
}

/** The clients send a token over https only, so they keep their own endpoint, and the connection leads here. */
function throughLoopback(port: number): HttpClient {
  const client = createDefaultHttpClient()
  return {
    async sendRequest(request) {
      const { host, pathname, search } = new URL(request.url)
      const { headers } = request
      headers.set('host', host)
      const url = `http://127.0.0.1:${port}${pathname}${search}`
      const response = await client.sendRequest({ ...request, headers, url, allowInsecureConnection: true })
      return { ...response, request }
    },
  }
}
