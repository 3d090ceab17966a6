/** An identity service over a database in memory, for tests, with a clock that the test moves. */
import { randomBytes, randomUUID } from 'node:crypto'
import { createServer, type RequestListener } from 'node:http'
import type { AddressInfo } from 'node:net'
import { openStore, type Store } from '@keystead/store'
import { identityMigrations } from '../migrations.ts'
import { type IdentityService, openIdentityService } from '../service.ts'

export const tenantId = '11111111-2222-4333-8444-555555555555'
export const masterKey = { bytes: randomBytes(32) }

export interface IdentityFixture extends AsyncDisposable {
  readonly identity: IdentityService
  readonly store: Store
  readonly clock: { now: number }
  /** Every line that was logged, as JSON. */
  readonly logged: string[]
}

export interface IdentityFixtureOptions {
  readonly fetch?: typeof globalThis.fetch
  /** The database file; in memory when absent. */
  readonly path?: string
  readonly clock?: { now: number }
  readonly identityEndpoint?: string
}

export async function openFixture(options: IdentityFixtureOptions = {}): Promise<IdentityFixture> {
  const store = await openStore({ path: options.path ?? ':memory:', masterKey, migrations: [identityMigrations] })
  const clock = options.clock ?? { now: Date.now() }
  const logged: string[] = []
  const identity = await openIdentityService({
    store,
    clock: () => clock.now,
    tenantId,
    identityEndpoint: options.identityEndpoint ?? 'http://127.0.0.1:1/msi/token',
    ...(options.fetch ? { fetch: options.fetch } : {}),
    log: (level, message, fields) => logged.push(JSON.stringify({ level, message, ...fields })),
  })
  return {
    identity,
    store,
    clock,
    logged,
    async [Symbol.asyncDispose]() {
      await identity.close()
      await store.close()
    },
  }
}

export interface Listening extends AsyncDisposable {
  /** e.g. `http://127.0.0.1:12345`. */
  readonly url: string
  readonly port: number
}

export async function listen(listener: RequestListener): Promise<Listening> {
  const server = createServer(listener)
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  return {
    url: `http://127.0.0.1:${port}`,
    port,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections()
      await new Promise((resolve) => server.close(resolve))
    },
  }
}

/** Posts a form to the token endpoint: the v2 one of the tenant unless said otherwise. */
export async function requestToken(
  base: string,
  form: Readonly<Record<string, string>>,
  options: { readonly path?: string; readonly headers?: Readonly<Record<string, string>> } = {},
): Promise<{ status: number; body: Record<string, unknown> }> {
  const response = await fetch(`${base}${options.path ?? `/${tenantId}/oauth2/v2.0/token`}`, {
    method: 'POST',
    body: new URLSearchParams(form),
    headers: { host: 'login.microsoftonline.com', ...options.headers },
  })
  return { status: response.status, body: (await response.json()) as Record<string, unknown> }
}

/** An application with a client secret. */
export async function createClient(identity: IdentityService, lifetimeSeconds = 3600) {
  const { application, servicePrincipal } = await identity.directory.createApplication({
    displayName: `test-${randomUUID()}`,
  })
  const { keyId, secretText } = await identity.directory.addPassword(application.appId, {
    displayName: 'test',
    lifetimeSeconds,
  })
  return {
    appId: application.appId,
    objectId: servicePrincipal.objectId,
    keyId,
    secret: secretText,
    form: {
      grant_type: 'client_credentials',
      client_id: application.appId,
      client_secret: secretText,
      scope: 'https://vault.azure.net/.default',
    },
  }
}
