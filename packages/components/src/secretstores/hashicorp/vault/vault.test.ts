import { rm, writeFile } from 'node:fs/promises'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { type IssuedCertificate, selfSigned, signedBy } from '../../../testing/certificates.ts'
import { testContext } from '../../../testing/context.ts'
import { freePort } from '../../../testing/server-process.ts'
import { startHttpServer } from '../../../testing/servers.ts'
import { temporaryFile } from '../../../testing/temporary-file.ts'
import { startVaultServer, type VaultServer, vaultBinary } from '../../../testing/vault-server.ts'
import { factory } from './vault.ts'

const cleanups: (() => Promise<void> | undefined)[] = []
afterEach(async () => {
  for (const cleanup of cleanups.splice(0)) await cleanup()
})

const signal = () => AbortSignal.timeout(30_000)

async function open(metadata: Readonly<Record<string, string>>) {
  const store = await factory.init(testContext({ metadata }).context)
  cleanups.push(() => store.close?.())
  return {
    get: (name: string, request: Readonly<Record<string, string>> = {}) => store.getSecret(name, request, signal()),
    bulk: (request: Readonly<Record<string, string>> = {}) => store.bulkGetSecret(request, signal()),
    store,
  }
}

describe('metadata', () => {
  const appRole = { 'keystead.io/appRoleId': 'r', 'keystead.io/appRoleSecretId': 's' }
  it.each<[string, Readonly<Record<string, string>>, string | RegExp]>([
    ['without a way to sign in', {}, 'token mount path and token not set'],
    [
      'with a token and its file',
      { vaultToken: 't', vaultTokenMountPath: '/x' },
      'token mount path and token both set',
    ],
    ['with a token and an AppRole', { vaultToken: 't', ...appRole }, /^more than one way to sign in/],
    [
      'with a token file that is not there',
      { vaultTokenMountPath: '/not/there' },
      "couldn't read vault token from mount path /not/there err: open /not/there: no such file or directory",
    ],
    [
      'with another value type',
      { vaultToken: 't', vaultValueType: 'json' },
      'vault init error, invalid value type json, accepted values are map or text',
    ],
    ['with another engine version', { vaultToken: 't', 'keystead.io/kvVersion': '3' }, /has to be 1 or 2$/],
    ['with another scheme', { vaultToken: 't', vaultAddr: 'ftp://vault' }, /has to be an http or https URL$/],
    ['with a bad authority', { vaultToken: 't', caPem: 'x' }, "couldn't create client using config: couldn't read PEM"],
    [
      'with an authority that is not there',
      { vaultToken: 't', caCert: '/no.pem' },
      "couldn't create client using config: couldn't read CA file from disk: open /no.pem: no such file or directory",
    ],
  ])('%s is refused', async (_name, metadata, message) => {
    await expect(open(metadata)).rejects.toThrow(message)
  })
})

describe('a server', () => {
  it('that is not there is named in the error', async () => {
    const port = await freePort()
    const { get, bulk } = await open({ vaultAddr: `http://127.0.0.1:${port}`, vaultToken: 't' })
    const refused = `dial tcp 127.0.0.1:${port}: connect: connection refused`
    const url = `http://127.0.0.1:${port}/v1/secret`
    await expect(get('db')).rejects.toThrow(`couldn't get secret: Get "${url}/data/dapr/db?version=0": ${refused}`)
    await expect(bulk()).rejects.toThrow(`couldn't get secret: List "${url}/metadata/dapr/": ${refused}`)
  })

  it('whose name nobody knows is named in the error', async () => {
    const { get } = await open({ vaultAddr: 'http://vault.invalid:1', vaultToken: 't' })
    await expect(get('db')).rejects.toThrow(/dial tcp: lookup vault\.invalid: (?:no such host|server misbehaving)$/)
  })

  it.each<[string, string, string]>([
    ['no JSON', '<html>hunter2</html>', "couldn't decode response body: it is no JSON object"],
    ['a list', '["hunter2"]', "couldn't decode response body: it is no JSON object"],
    [
      'a number as a value',
      '{"data":{"data":{"pin":1234}}}',
      "couldn't decode response body: json: cannot unmarshal number into Go struct field .data.data of type string",
    ],
  ])('that answers with %s is refused, and nothing of the answer is shown', async (_name, body, message) => {
    const server = await startHttpServer((_request, response) => response.end(body))
    cleanups.push(server.close)
    const { get } = await open({ vaultAddr: server.url, vaultToken: 't' })
    await expect(get('db')).rejects.toThrow(expect.objectContaining({ message }))
  })

  it('that breaks off half-way, or never answers, fails the one request', async () => {
    let requests = 0
    const server = await startHttpServer((_request, response) => {
      requests++
      if (requests === 1) response.writeHead(200, { 'Content-Length': 100 }).write('{"data":', () => response.destroy())
      else if (requests > 2) response.end('{"data":{"data":{"user":"u"}}}')
    })
    cleanups.push(server.close)
    const { get, store } = await open({ vaultAddr: server.url, vaultToken: 't' })
    await expect(get('db')).rejects.toThrow(/unexpected EOF$/)
    const asked = new AbortController()
    const hanging = store.getSecret('db', {}, asked.signal)
    setImmediate(() => asked.abort(new Error('the caller left')))
    await expect(hanging).rejects.toThrow('the caller left')
    for (const end = Date.now() + 5000; requests < 2 && Date.now() < end; ) await new Promise(setImmediate)
    expect(await get('db')).toEqual({ user: 'u' })
  })

  it('gets no token over a connection that a redirect made insecure', async () => {
    const tokens: unknown[] = []
    const plain = await startHttpServer((request, response) => {
      tokens.push(request.headers['x-vault-token'])
      response.writeHead(307, { Location: `ftp://127.0.0.1/v1/x` }).end()
    })
    cleanups.push(plain.close)
    const { get } = await open({ vaultAddr: plain.url, vaultToken: 't' })
    await expect(get('db')).rejects.toThrow('a redirect from http: to ftp: is not followed')
    expect(tokens).toEqual(['t'])
  })
})

it('refuses a name that would lead to another path', async () => {
  const { get } = await open({ vaultToken: 't' })
  await expect(get('../../sys/auth')).rejects.toThrow(/invalid path/)
})

const binary = vaultBinary()

describe.skipIf(binary === undefined)('with a real server (VAULT_BIN)', () => {
  let server: VaultServer
  let authority: IssuedCertificate
  const admin = (more: Readonly<Record<string, string>> = {}) =>
    open({ vaultAddr: server.url, vaultToken: server.rootToken, ...more })

  beforeAll(async () => {
    server = await startVaultServer(String(binary))
    authority = selfSigned('authority')
    for (const password of ['first', 'second']) {
      await server.api('POST', 'secret/data/dapr/db', { data: { password } })
    }
    await server.api('POST', 'secret/data/other/api', { data: { key: 'abcdef' } })
    await server.api('POST', 'sys/policies/acl/one', {
      policy: 'path "secret/data/dapr/db" { capabilities = ["read"] }',
    })
  })
  afterAll(async () => await server?.close())

  it('gives a version by its number, and leaves out of bulk what has no such version', async () => {
    const { get, bulk } = await admin()
    expect(await get('db')).toEqual({ password: 'second' })
    expect(await get('db', { version_id: '1' })).toEqual({ password: 'first' })
    await expect(get('db', { version_id: '9' })).rejects.toThrow('getSecret db failed secret key or version not exist')
    expect(await bulk({ version_id: '2' })).toEqual({ db: { password: 'second' } })
    const everything = await admin({ vaultKVUsePrefix: 'false' })
    expect(await everything.bulk({ version_id: '2' })).toEqual({ 'dapr/db': { password: 'second' } })
    expect(Object.keys(await everything.bulk())).toEqual(['dapr/db', 'other/api'])
  })

  it('takes a prefix, no prefix, and text values', async () => {
    expect(await (await admin({ vaultKVPrefix: 'other' })).get('api')).toEqual({ key: 'abcdef' })
    const text = await admin({ vaultKVUsePrefix: 'false', vaultValueType: 'text' })
    expect(await text.get('other/api')).toEqual({ 'other/api': '{"key":"abcdef"}' })
    expect(text.store.features).toEqual([])
  })

  it('reads version 1 of the engine, with values of any name', async () => {
    await server.api('POST', 'sys/mounts/kv1', { type: 'kv', options: { version: '1' } })
    await server.api('POST', 'kv1/dapr/a b', { data: 'x', 'grüße?': 'y' })
    const { get, bulk } = await admin({ enginePath: 'kv1', 'keystead.io/kvVersion': '1' })
    expect(await get('a b')).toEqual({ data: 'x', 'grüße?': 'y' })
    expect(await bulk()).toEqual({ 'a b': { data: 'x', 'grüße?': 'y' } })
    await expect(get('absent')).rejects.toThrow(/secret key or version not exist$/)
  })

  it('refuses as the token’s policies do, with the server’s words', async () => {
    const { auth } = await server.api('POST', 'auth/token/create', { policies: ['one'] })
    const { get, bulk } = await open({ vaultAddr: server.url, vaultToken: auth.client_token })
    expect(await get('db')).toEqual({ password: 'second' })
    await expect(get('other')).rejects.toThrow(
      /^couldn't get successful response, status code 403, body .*permission denied/s,
    )
    await expect(bulk()).rejects.toThrow(
      /^list keys couldn't get successful response, status code: 403, status: 403 Forbidden, response .*permission denied/s,
    )
  })

  it('goes on with the token file’s new token when the old one was revoked', async () => {
    const newToken = async () =>
      (await server.api('POST', 'auth/token/create', { policies: ['one'] })).auth.client_token
    const first = await newToken()
    const file = await temporaryFile('token', `${first}\n`)
    cleanups.push(file.remove)
    const { get } = await open({ vaultAddr: server.url, vaultTokenMountPath: file.path })
    expect(await get('db')).toEqual({ password: 'second' })
    await server.api('POST', 'auth/token/revoke', { token: first })
    await expect(get('db')).rejects.toThrow(/status code 403/)
    await writeFile(file.path, await newToken())
    expect(await get('db')).toEqual({ password: 'second' })
    await rm(file.path)
    expect(await get('db')).toEqual({ password: 'second' })
  })

  describe('and AppRole', () => {
    let metadata: Readonly<Record<string, string>>
    beforeAll(async () => {
      await server.api('POST', 'sys/auth/approle', { type: 'approle' })
      await server.api('POST', 'auth/approle/role/orders', { token_policies: ['one'], token_ttl: '1h' })
      const { data: role } = await server.api('GET', 'auth/approle/role/orders/role-id')
      const { data: secret } = await server.api('POST', 'auth/approle/role/orders/secret-id')
      metadata = {
        vaultAddr: server.url,
        'keystead.io/appRoleId': role.role_id,
        'keystead.io/appRoleSecretId': secret.secret_id,
      }
    })

    const accessors = async () => (await server.api('LIST', 'auth/token/accessors')).data.keys.length

    it('signs in once for many requests', async () => {
      const before = await accessors()
      const { get } = await open(metadata)
      await Promise.all(Array.from({ length: 20 }, () => get('db')))
      expect(await accessors()).toBe(before + 1)
      await expect(get('other')).rejects.toThrow(/status code 403/)
      expect(await accessors()).toBe(before + 1)
    })

    it('signs in again when its token was revoked', async () => {
      const before = (await server.api('LIST', 'auth/token/accessors')).data.keys
      const { get } = await open(metadata)
      await get('db')
      const { keys } = (await server.api('LIST', 'auth/token/accessors')).data
      for (const accessor of keys.filter((key: string) => !before.includes(key))) {
        await server.api('POST', 'auth/token/revoke-accessor', { accessor })
      }
      expect(await get('db')).toEqual({ password: 'second' })
    })

    it('signs in again before its token expires, so that no request fails', async () => {
      await server.api('POST', 'auth/approle/role/brief', { token_policies: ['one'], token_ttl: '1s' })
      const { data: role } = await server.api('GET', 'auth/approle/role/brief/role-id')
      const { data: secret } = await server.api('POST', 'auth/approle/role/brief/secret-id')
      const { get } = await open({
        vaultAddr: server.url,
        'keystead.io/appRoleId': role.role_id,
        'keystead.io/appRoleSecretId': secret.secret_id,
      })
      for (const end = performance.now() + 2500; performance.now() < end; ) {
        expect(await get('db')).toEqual({ password: 'second' })
      }
    })

    it('says why it can not sign in, and not with what', async () => {
      const { get } = await open({ ...metadata, 'keystead.io/appRoleSecretId': 'hunter2' })
      await expect(get('db')).rejects.toThrow(
        /^couldn't get secret: couldn't sign in at auth\/approle, status code 400/,
      )
      await expect(get('db')).rejects.not.toThrow(/hunter2/)
    })
  })

  it('reads in a namespace, which the parent’s does not see', async () => {
    await server.api('POST', 'sys/namespaces/team')
    await server.api('POST', 'team/sys/mounts/secret', { type: 'kv', options: { version: '2' } })
    await server.api('POST', 'team/secret/data/dapr/mine', { data: { a: 'from the team' } })
    expect(await (await admin({ 'keystead.io/namespace': 'team' })).get('mine')).toEqual({ a: 'from the team' })
    await expect((await admin()).get('mine')).rejects.toThrow(/not exist$/)
  })

  it('over TLS is taken with its authority only, by the name in its certificate', async () => {
    const secure = await startVaultServer(String(binary), signedBy(authority, ['vault.test']))
    cleanups.push(secure.close)
    await secure.api('POST', 'secret/data/dapr/db', { data: { a: 'over TLS' } })
    const file = await temporaryFile('ca.pem', authority.certificate)
    cleanups.push(file.remove)
    const metadata = { vaultAddr: secure.url, vaultToken: secure.rootToken, tlsServerName: 'vault.test' }
    const trusts: readonly Readonly<Record<string, string>>[] = [
      { caPem: authority.certificate },
      { caCert: file.path },
      { caPath: file.path.replace(/\/[^/]+$/, '') },
    ]
    for (const trust of trusts) {
      expect(await (await open({ ...metadata, ...trust })).get('db')).toEqual({ a: 'over TLS' })
    }
    await expect((await open(metadata)).get('db')).rejects.toThrow(/certificate signed by unknown authority$/)
    const { get } = await open({ ...metadata, caPem: authority.certificate, tlsServerName: 'other.test' })
    await expect(get('db')).rejects.toThrow(/certificate is not valid for/)
    expect(await (await open({ ...metadata, skipVerify: 'true' })).get('db')).toEqual({ a: 'over TLS' })
  })
})
