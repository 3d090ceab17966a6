/** Tokens that no service may take: made from a good one, or by a tenant of the same name elsewhere. */
import { createHmac, randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { identityMigrations, openIdentityService } from '@keystead/identity'
import { masterKeyOf, openStore } from '@keystead/store'

type Claims = Record<string, unknown>

const decode = (part = ''): Claims => JSON.parse(Buffer.from(part, 'base64url').toString()) as Claims
const encode = (value: Claims): string => Buffer.from(JSON.stringify(value)).toString('base64url')

/** The same token, saying that it belongs to someone else. */
export function withObjectId(token: string, oid: string): string {
  const [header, claims, signature] = token.split('.')
  return `${header}.${encode({ ...decode(claims), oid })}.${signature}`
}

/** The same claims, not signed at all. */
export function unsigned(token: string): string {
  const [header, claims] = token.split('.')
  return `${encode({ ...decode(header), alg: 'none' })}.${claims}.`
}

/** The same claims, signed by HMAC with the public key that everybody can read. */
export function signedWithPublicKey(token: string, publicKeyPem: string): string {
  const [header, claims] = token.split('.')
  const signed = `${encode({ ...decode(header), alg: 'HS256' })}.${claims}`
  return `${signed}.${createHmac('sha256', publicKeyPem).update(signed).digest('base64url')}`
}

/** A well-formed token for a resource that another Keystead issued, for a tenant of that name. */
export async function tokenOfAnotherCloud(tenantId: string, resource: string): Promise<string> {
  const store = await openStore({
    path: ':memory:',
    masterKey: masterKeyOf(randomBytes(32)),
    migrations: [identityMigrations],
  })
  const identity = await openIdentityService({
    store,
    clock: Date.now,
    tenantId,
    identityEndpoint: 'http://127.0.0.1:1/msi/token',
    log: () => {},
  })
  const server = createServer(identity.tokenService)
  await once(server.listen(0, '127.0.0.1'), 'listening')
  try {
    const { application } = await identity.directory.createApplication({ displayName: 'intruder' })
    const { secretText } = await identity.directory.addPassword(application.appId, {
      displayName: 'intruder',
      lifetimeSeconds: 3600,
    })
    const { port } = server.address() as AddressInfo
    const answer = await fetch(`http://127.0.0.1:${port}/${tenantId}/oauth2/v2.0/token`, {
      method: 'POST',
      body: new URLSearchParams({
        grant_type: 'client_credentials',
        client_id: application.appId,
        client_secret: secretText,
        scope: `${resource}/.default`,
      }),
    })
    return ((await answer.json()) as { access_token: string }).access_token
  } finally {
    server.close()
    server.closeAllConnections()
    await identity.close()
    await store.close()
  }
}
