/** A Key Vault on a real store, authorizer and audit trail, reached over loopback as a client would reach it. */
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { createServer, request as httpRequest } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createDefaultHttpClient, type HttpClient } from '@azure/core-rest-pipeline'
import { SecretClient } from '@azure/keyvault-secrets'
import {
  AuditTrail,
  type Authorizer,
  authorizationMigrations,
  openAuthorizer,
  type RoleAssignment,
} from '@keystead/authorization'
import { type Caller, TokenError, type TokenVerifier } from '@keystead/identity'
import type { OperationContext, ResourceStore } from '@keystead/resource-manager'
import { masterKeyOf, openStore, type Store } from '@keystead/store'
import { keyVaultMigrations } from '../migrations.ts'
import { type KeyVault, openKeyVault } from '../service.ts'
import { MemoryResourceStore } from './memory-resource-store.ts'

export const tenantId = '11111111-1111-4111-8111-111111111111'
export const subscriptionId = '22222222-2222-4222-8222-222222222222'

export const roles = {
  owner: '8e3af657-a8ff-443c-a75c-2fe8c4bcb635',
  contributor: 'b24988ac-6180-42a0-ab88-20f7382dd24c',
  administrator: '00482a5a-887f-4fb3-b363-3b7fe8e74483',
  secretsOfficer: 'b86a8fe4-44ce-4948-aee5-eccb2c155cd7',
  secretsUser: '4633458b-17de-408a-b874-0445c86b69e6',
  reader: '21090545-7ca7-4776-b22c-e363652d74d2',
} as const

export interface Person {
  readonly objectId: string
  readonly appId: string
  readonly tenantId?: string
  readonly groupIds?: readonly string[]
}

export const alice: Person = {
  objectId: 'aaaaaaaa-0000-4000-8000-000000000001',
  appId: 'aaaaaaaa-0000-4000-8000-00000000000a',
}
export const bob: Person = {
  objectId: 'bbbbbbbb-0000-4000-8000-000000000001',
  appId: 'bbbbbbbb-0000-4000-8000-00000000000b',
}

/** Tokens of tests are a person's JSON; every other one is refused as the verifier of identity refuses. */
class TestVerifier implements TokenVerifier {
  verify(authorization: string | undefined): Caller {
    if (authorization === undefined) throw new TokenError('missing', 'There is no token.')
    const [, token = ''] = authorization.split(' ')
    const reasons = ['signature', 'expired', 'notYetValid', 'audience', 'issuer'] as const
    const reason = reasons.find((each) => token === each)
    if (reason !== undefined) throw new TokenError(reason, 'The token is refused.')
    let person: Person
    try {
      person = JSON.parse(Buffer.from(token, 'base64url').toString()) as Person
    } catch {
      throw new TokenError('malformed', 'The token is not one.')
    }
    const tenant = person.tenantId ?? tenantId
    return {
      tenantId: tenant,
      objectId: person.objectId,
      appId: person.appId,
      issuer: `https://sts.windows.net/${tenant}/`,
      groupIds: person.groupIds ?? [],
      kind: 'application',
      expiresAt: 4_102_444_800,
    }
  }
}

export function tokenOf(person: Person): string {
  return Buffer.from(JSON.stringify(person)).toString('base64url')
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

export interface TestCloud {
  readonly store: Store
  readonly resources: ResourceStore
  readonly authorizer: Authorizer
  readonly keyVault: KeyVault
  readonly port: number
  readonly logged: { level: string; message: string; fields: Record<string, unknown> | undefined }[]
  /** Milliseconds since the epoch, moved by hand. */
  time: { now: number }
  /** Answers instead of the audit trail while it is set. */
  failAudit: { error: Error | undefined }
  send(request: RawRequest): Promise<Reply>
  secrets(person: Person, vault?: string): SecretClient
  vaultId(name: string): string
  createVault(name: string, properties?: Record<string, unknown>): Promise<void>
  deleteVault(name: string): Promise<void>
  grant(person: Person, role: string, scope: string): Promise<RoleAssignment>
  audit(): Promise<Record<string, unknown>[]>
  /** Closes Key Vault and opens it again on the same store, as after a restart. */
  reopen(): Promise<void>
  close(): Promise<void>
}

export async function openTestCloud(options: { readonly cacheBytes?: number } = {}): Promise<TestCloud> {
  const directory = await mkdtemp(join(tmpdir(), 'key-vault-'))
  const store = await openStore({
    path: join(directory, 'keystead.db'),
    masterKey: masterKeyOf(new Uint8Array(32).fill(7)),
    migrations: [authorizationMigrations, keyVaultMigrations],
  })
  const time = { now: Date.UTC(2025, 0, 1) }
  const clock = () => time.now
  const authorizer = await openAuthorizer(store)
  const resources = new MemoryResourceStore()
  const auditFile = join(directory, 'audit.jsonl')
  const trail = new AuditTrail({ file: auditFile, clock })
  const failAudit: { error: Error | undefined } = { error: undefined }
  const append = trail.append.bind(trail)
  trail.append = (event) => (failAudit.error === undefined ? append(event) : Promise.reject(failAudit.error))
  const logged: TestCloud['logged'] = []
  const open = () =>
    openKeyVault({
      store,
      authorizer,
      verifier: new TestVerifier(),
      resources,
      audit: trail,
      tenantId,
      clock,
      ...(options.cacheBytes === undefined ? {} : { cacheBytes: options.cacheBytes }),
      log: (level, message, fields) => logged.push({ level, message, fields }),
    })
  let keyVault = await open()
  const server = createServer((request, response) => keyVault.listener(request, response))
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo

  const send = (wanted: RawRequest) =>
    new Promise<Reply>((resolve, reject) => {
      const payload = wanted.bytes ?? (wanted.body === undefined ? undefined : Buffer.from(JSON.stringify(wanted.body)))
      const authorization = typeof wanted.as === 'object' ? `Bearer ${tokenOf(wanted.as)}` : wanted.as
      const request = httpRequest(
        {
          port,
          host: '127.0.0.1',
          method: wanted.method ?? 'GET',
          path: wanted.path,
          headers: {
            host: wanted.host ?? 'kv1.vault.azure.net',
            ...(authorization === undefined ? {} : { authorization }),
            ...(payload === undefined
              ? {}
              : { 'content-type': 'application/json', 'content-length': String(payload.byteLength) }),
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

  const vaultId = (name: string) =>
    `/subscriptions/${subscriptionId}/resourceGroups/rg/providers/Microsoft.KeyVault/vaults/${name}`

  const operate = async (name: string, method: string, body: unknown) => {
    const type = keyVault.provider.types.find((each) => each.type === 'vaults')
    const operation = type?.operations.find((each) => each.on === 'resource' && each.method === method)
    if (operation === undefined) throw new Error(`There is no ${method} of vaults.`)
    const context: OperationContext = {
      caller: new TestVerifier().verify(`Bearer ${tokenOf(alice)}`),
      id: { subscriptionId, resourceGroup: 'rg', namespace: 'Microsoft.KeyVault', types: ['vaults'], names: [name] },
      path: vaultId(name),
      apiVersion: '2026-02-01',
      body: operation.body?.parse(body),
      query: {},
      headers: {},
      resources,
      authorizer,
      baseUrl: 'https://management.azure.com',
      clock,
      require: () => undefined,
    }
    await operation.handle(context as OperationContext<never>)
  }

  let grants = 0
  return {
    store,
    resources,
    authorizer,
    get keyVault() {
      return keyVault
    },
    port,
    logged,
    time,
    failAudit,
    send,
    secrets: (person, vault = 'kv1') =>
      new SecretClient(
        `https://${vault}.vault.azure.net`,
        { getToken: async () => ({ token: tokenOf(person), expiresOnTimestamp: 4_102_444_800_000 }) },
        { httpClient: loopbackClient(port), retryOptions: { maxRetries: 0 } },
      ),
    vaultId,
    createVault: (name, properties = {}) =>
      operate(name, 'PUT', {
        location: 'West Europe',
        properties: { tenantId, sku: { family: 'A', name: 'standard' }, enableRbacAuthorization: true, ...properties },
      }),
    deleteVault: (name) => operate(name, 'DELETE', undefined),
    async grant(person, role, scope) {
      grants += 1
      const assignment: RoleAssignment = {
        name: `00000000-0000-4000-8000-${String(grants).padStart(12, '0')}`,
        scope,
        roleDefinitionName: role,
        principalId: person.objectId,
        principalType: 'ServicePrincipal',
        createdBy: alice.objectId,
        createdOn: time.now,
      }
      await authorizer.putAssignment(assignment)
      return assignment
    },
    async audit() {
      const text = await readFile(auditFile, 'utf8')
      return text
        .split('\n')
        .filter((line) => line !== '')
        .map((line) => JSON.parse(line) as Record<string, unknown>)
    },
    async reopen() {
      await keyVault.close()
      keyVault = await open()
    },
    async close() {
      server.closeAllConnections()
      await new Promise<void>((resolve) => server.close(() => resolve()))
      await keyVault.close()
      await trail.close()
      await store.close()
      await rm(directory, { recursive: true })
    },
  }
}

/** Sends what is meant for any host to the loopback port, with its Host header as it was. */
export function loopbackClient(port: number): HttpClient {
  const client = createDefaultHttpClient()
  return {
    async sendRequest(request) {
      const original = request.url
      const url = new URL(original)
      request.headers.set('host', url.host)
      url.protocol = 'http:'
      url.host = `127.0.0.1:${port}`
      request.url = url.href
      request.allowInsecureConnection = true
      try {
        return await client.sendRequest(request)
      } finally {
        request.url = original
      }
    },
  }
}
