/** Resource Manager on a loopback port over the real store, identity and authorization, for tests. */
import { randomBytes } from 'node:crypto'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { createServer, type RequestListener, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { TokenCredential } from '@azure/core-auth'
import { createDefaultHttpClient, type HttpClient } from '@azure/core-rest-pipeline'
import type { AuditEvent, Authorizer } from '@keystead/authorization'
import type { IdentityService } from '@keystead/identity'
import type { Store } from '@keystead/store'
import type { ResourceProvider } from '../operation.ts'
import type { ResourceManager } from '../service.ts'
import { openTestCore } from './core.ts'

export const tenantId = 'b1c0f1de-2f77-4b39-9d2b-0c7c8f1a5a10'
export const subscriptionId = '0d6a1d6e-5d7e-4d3c-8c1e-3b7b7a0a9d11'
export const subscriptionPath = `/subscriptions/${subscriptionId}`

/** Guids of the built-in roles that the tests assign. */
export const roles = {
  owner: '8e3af657-a8ff-443c-a75c-2fe8c4bcb635',
  contributor: 'b24988ac-6180-42a0-ab88-20f7382dd24c',
  reader: 'acdd72a7-3385-48ef-bd42-f606fba81ae7',
  userAccessAdministrator: '18d7d88d-d35e-4fb5-a5c3-7773c20a72d9',
  secretsUser: '4633458b-17de-408a-b874-0445c86b69e6',
} as const

export interface Client {
  readonly objectId: string
  readonly appId: string
  readonly token: string
  readonly credential: TokenCredential
}

export interface TestCloud {
  readonly endpoint: string
  readonly store: Store
  readonly manager: ResourceManager
  readonly authorizer: Authorizer
  readonly identity: IdentityService
  /** What the official clients take as `httpClient`: their `https://management.azure.com` is this cloud. */
  readonly httpClient: HttpClient
  /** The events in the audit trail so far. */
  audited(): Promise<AuditEvent[]>
  readonly owner: Client
  readonly path: string
  now: number
  /** Makes an application with a role at each scope. */
  client(assignments?: readonly { readonly role: string; readonly scope: string }[], audience?: string): Promise<Client>
  request(
    method: string,
    path: string,
    options?: {
      readonly as?: Client
      readonly body?: unknown
      readonly rawBody?: string | Uint8Array
      readonly headers?: Record<string, string>
    },
  ): Promise<{ status: number; headers: Headers; json: Json }>
  stop(options?: { readonly keep?: boolean }): Promise<void>
}

/** A loose view of an answer: tests reach into it and compare. */
export type Json = { readonly [name: string]: Json } & { readonly length: number } & Iterable<Json>

export async function startCloud(
  options: { readonly directory?: string; readonly providers?: readonly ResourceProvider[] } = {},
): Promise<TestCloud> {
  const directory = options.directory ?? (await mkdtemp(join(tmpdir(), 'keystead-arm-')))
  const state = { now: Date.now() }
  const clock = () => state.now
  const core = await openTestCore({
    directory,
    masterKey: { bytes: masterKeyBytes },
    tenantId,
    subscription: { id: subscriptionId, displayName: 'Keystead' },
    clock,
  })
  const { store, authorizer, identity, manager, auditFile } = core
  for (const provider of options.providers ?? []) manager.register(provider)
  const arm = await listen(manager.listener)
  const tokens = await listen(identity.tokenService)

  const client: TestCloud['client'] = async (assignments = [], audience = 'https://management.azure.com') => {
    const { application, servicePrincipal } = await identity.directory.createApplication({ displayName: 'test' })
    const { secretText } = await identity.directory.addPassword(application.appId, {
      displayName: 'test',
      lifetimeSeconds: 3600,
    })
    for (const { role, scope } of assignments) await core.grant(servicePrincipal.objectId, role, scope)
    const answer = await fetch(`${tokens.endpoint}/${tenantId}/oauth2/v2.0/token`, {
      method: 'POST',
      headers: { host: 'login.microsoftonline.com' },
      body: new URLSearchParams({
        grant_type: 'client_credentials',
        client_id: application.appId,
        client_secret: secretText,
        scope: `${audience}/.default`,
      }),
    })
    const { access_token: token } = (await answer.json()) as { access_token: string }
    return {
      objectId: servicePrincipal.objectId,
      appId: application.appId,
      token,
      credential: { getToken: async () => ({ token, expiresOnTimestamp: Date.now() + 3_000_000 }) },
    }
  }
  const owner = await client([{ role: roles.owner, scope: subscriptionPath }])

  return {
    endpoint: arm.endpoint,
    store,
    manager,
    authorizer,
    identity,
    httpClient: throughLoopback(arm.endpoint),
    async audited() {
      const lines = (await readFile(auditFile, 'utf8')).split('\n').filter((line) => line !== '')
      return lines.map((line) => JSON.parse(line) as AuditEvent)
    },
    owner,
    path: directory,
    get now() {
      return state.now
    },
    set now(value) {
      state.now = value
    },
    client,
    async request(method, target, { as = owner, body, rawBody, headers = {} } = {}) {
      const content = rawBody ?? (body === undefined ? undefined : JSON.stringify(body))
      const answer = await fetch(`${arm.endpoint}${target}`, {
        method,
        headers: {
          ...(as.token !== '' && { authorization: `Bearer ${as.token}` }),
          ...(content !== undefined && { 'content-type': 'application/json' }),
          ...headers,
        },
        ...(content !== undefined && { body: content as string }),
      })
      const text = await answer.text()
      return {
        status: answer.status,
        headers: answer.headers,
        json: (text === '' ? undefined : JSON.parse(text)) as Json,
      }
    },
    async stop({ keep = false } = {}) {
      await Promise.all([arm.close(), tokens.close()])
      await core.close()
      if (!keep) await rm(directory, { recursive: true, force: true })
    },
  }
}

/** The clients send a token over https only, so they keep their own endpoint, and the connection below leads here. */
function throughLoopback(endpoint: string): HttpClient {
  const client = createDefaultHttpClient()
  return {
    async sendRequest(request) {
      const { host, pathname, search } = new URL(request.url)
      const headers = request.headers
      headers.set('host', host)
      const url = `${endpoint}${pathname}${search}`
      const response = await client.sendRequest({ ...request, headers, url, allowInsecureConnection: true })
      return { ...response, request }
    },
  }
}

const masterKeyBytes = randomBytes(32)

async function listen(listener: RequestListener): Promise<{ endpoint: string; close: () => Promise<void> }> {
  const server: Server = createServer(listener)
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  return {
    endpoint: `http://127.0.0.1:${port}`,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve())
        server.closeAllConnections()
      }),
  }
}

/** Somebody without a token. */
export const nobody: Client = { objectId: '', appId: '', token: '', credential: { getToken: async () => null } }
