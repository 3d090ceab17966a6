import { connect } from 'node:net'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { openTestCloud, type Person, type Reply, roles, type TestCloud } from './testing/cloud.ts'

describe('bad input', () => {
  let cloud: TestCloud
  let alice: Person
  beforeAll(async () => {
    cloud = await openTestCloud()
    alice = await cloud.person()
    await cloud.createVault('kv1')
    await cloud.grant(alice, roles.secretsOfficer, cloud.vaultId('kv1'))
  })
  afterAll(() => cloud.close())

  const set = (body: unknown, name = 'bad') =>
    cloud.send({ method: 'PUT', path: `/secrets/${name}?api-version=7.5`, as: alice, body })

  function refused(reply: Reply, status: number, code: string): void {
    expect([reply.status, reply.body.error?.code, typeof reply.body.error?.message]).toEqual([status, code, 'string'])
  }

  it.each([
    ['a path upwards', '/secrets/..'],
    ['an encoded slash', '/secrets/a%2Fb'],
    ['an encoded NUL', '/secrets/a%00b'],
    ['an emoji', `/secrets/${encodeURIComponent('😀')}`],
    ['an underscore', '/secrets/my_secret'],
    ['a broken escape', '/secrets/%zz'],
    ['bytes that are not UTF-8', '/secrets/%ff%fe'],
    ['128 characters', `/secrets/${'a'.repeat(128)}`],
    ['10,000 characters', `/secrets/${'a'.repeat(10_000)}`],
    ['nothing between slashes', '/secrets//x'],
    ['a deleted name with a space', '/deletedsecrets/a%20b'],
  ])('refuses a name with %s', async (_which, path) => {
    for (const method of ['GET', 'PUT', 'DELETE']) {
      const reply = await cloud.send({ method, path: `${path}?api-version=7.5`, as: alice })
      refused(reply, 400, 'BadParameter')
    }
  })

  it('says which name is invalid', async () => {
    const reply = await cloud.send({ path: '/secrets/my_secret?api-version=7.5', as: alice })
    expect(reply.body.error?.message).toBe('The request URI contains an invalid name: my_secret')
  })

  it('reads past doubled leading slashes and one that trails', async () => {
    expect((await set({ value: 'v' }, 'plain')).status).toBe(200)
    expect((await cloud.send({ path: '//secrets/plain/?api-version=7.5', as: alice })).status).toBe(200)
  })

  it.each([
    ['without an api-version', '', 'api-version must be specified'],
    ['with an empty one', '?api-version=', 'api-version must be specified'],
    [
      'with an unknown one',
      '?api-version=9.9',
      'The specified version (9.9) is not recognized. Consider using the latest supported version (2026-04-01).',
    ],
  ])('refuses a request %s', async (_which, query, message) => {
    const reply = await cloud.send({ path: `/secrets/plain${query}`, as: alice })
    refused(reply, 400, 'BadParameter')
    expect(reply.body.error?.message).toBe(message)
  })

  it('answers what is neither a version nor an operation in the words of Key Vault', async () => {
    const reply = await cloud.send({ path: '/secrets/plain/latest?api-version=7.5', as: alice })
    refused(reply, 400, 'BadParameter')
    expect(reply.body.error?.message).toBe("Method GET does not allow operation 'latest'")
    for (const [method, path] of [
      ['POST', '/secrets/plain'],
      ['PUT', '/secrets'],
      ['PUT', '/deletedsecrets/plain'],
      ['DELETE', `/secrets/plain/${'0'.repeat(32)}`],
      ['GET', '/'],
      ['GET', '/nothing'],
      ['OPTIONS', '/secrets/plain'],
    ] as const) {
      refused(await cloud.send({ method, path: `${path}?api-version=7.5`, as: alice }), 400, 'BadParameter')
    }
  })

  it.each(['/keys/k', '/certificates/c', '/deletedkeys', '/storage/s'])(
    'does not implement %s, and says so',
    async (path) => {
      refused(await cloud.send({ path: `${path}?api-version=7.5`, as: alice }), 501, 'NotImplemented')
    },
  )

  it.each<[string, unknown]>([
    ['no value', {}],
    ['a null value', { value: null }],
    ['a value that is a number', { value: 5 }],
    ['a value over 25 KB', { value: 'x'.repeat(25_601) }],
    ['a value over 25 KB in UTF-8', { value: 'é'.repeat(12_801) }],
    ['half of a surrogate pair', { value: '\ud800' }],
    ['a content type of 256 characters', { value: 'v', contentType: 'x'.repeat(256) }],
    ['16 tags', { value: 'v', tags: Object.fromEntries(Array.from({ length: 16 }, (_, index) => [`t${index}`, 'v'])) }],
    ['a tag name of 257 characters', { value: 'v', tags: { ['x'.repeat(257)]: 'v' } }],
    ['a tag value of 257 characters', { value: 'v', tags: { t: 'x'.repeat(257) } }],
    ['a tag that is a number', { value: 'v', tags: { t: 5 } }],
    ['tags that are a list', { value: 'v', tags: ['t'] }],
    ['an expiry that is text', { value: 'v', attributes: { exp: 'tomorrow' } }],
    ['a not-before with a fraction', { value: 'v', attributes: { nbf: 1.5 } }],
    ['an expiry after the year 9999', { value: 'v', attributes: { exp: 1e15 } }],
    ['an enabled that is text', { value: 'v', attributes: { enabled: 'yes' } }],
    ['a list for a body', []],
    ['a text for a body', 'v'],
  ])('refuses a set with %s', async (_which, body) => {
    refused(await set(body), 400, 'BadParameter')
    expect((await cloud.send({ path: '/secrets/bad?api-version=7.5', as: alice })).status).toBe(404)
  })

  it('never quotes a value', async () => {
    const reply = await set({ value: ['hunter2'], tags: { hunter3: 4 } })
    expect(reply.text).not.toContain('hunter')
  })

  it('takes everything up to its limits', async () => {
    const tags = Object.fromEntries(
      Array.from({ length: 15 }, (_, index) => [`${index}`.padEnd(256, 'n'), 'v'.repeat(256)]),
    )
    const value = '\u0001'.repeat(25_600)
    const reply = await set({ value, contentType: 'c'.repeat(255), tags }, 'n'.repeat(127))
    expect(reply.status).toBe(200)
    const got = await cloud.send({ path: `/secrets/${'n'.repeat(127)}?api-version=7.5`, as: alice })
    expect(got.body).toMatchObject({ value, tags })
  })

  it('keeps names, emoji and an empty value apart from each other', async () => {
    for (const value of ['', 'ünïcødé 😀', 'a\0b', '{"json":"inside"}']) {
      expect((await set({ value, tags: { '😀': '✓', constructor: 'x' } }, 'text')).status).toBe(200)
      const got = await cloud.send({ path: '/secrets/TEXT?api-version=7.5', as: alice })
      expect(got.body).toMatchObject({ value, tags: { '😀': '✓', constructor: 'x' } })
      expect(got.body.id).toContain('/secrets/text/')
    }
  })

  it.each<[string, Buffer]>([
    ['that is cut short', Buffer.from('{"value":')],
    ['that is empty', Buffer.alloc(0)],
    ['that is not UTF-8', Buffer.from([0x7b, 0x22, 0xff, 0xfe, 0x22, 0x7d])],
    ['nested 100,000 deep', Buffer.from('['.repeat(100_000))],
  ])('refuses a body %s', async (_which, bytes) => {
    const reply = await cloud.send({ method: 'PUT', path: '/secrets/bad?api-version=7.5', as: alice, bytes })
    refused(reply, 400, 'BadParameter')
  })

  it('refuses a body over the limit, told or not told its length', async () => {
    const bytes = Buffer.alloc(300 * 1024, 0x20)
    const path = '/secrets/bad?api-version=7.5'
    refused(await cloud.send({ method: 'PUT', path, as: alice, bytes }), 413, 'RequestEntityTooLarge')
    const chunked = { 'transfer-encoding': 'chunked' }
    refused(await cloud.send({ method: 'PUT', path, as: alice, bytes, headers: chunked }), 413, 'RequestEntityTooLarge')
  })

  it.each(['0', '26', '-1', '1e1', 'many'])('refuses maxresults=%s', async (most) => {
    refused(await cloud.send({ path: `/secrets?api-version=7.5&maxresults=${most}`, as: alice }), 400, 'BadParameter')
  })

  it.each(['x', '%00', 'a'.repeat(5000)])('refuses a $skiptoken of its own making', async (token) => {
    refused(await cloud.send({ path: `/secrets?api-version=7.5&$skiptoken=${token}`, as: alice }), 400, 'BadParameter')
  })

  it.each(['', 'AAAA', '!!!!', Buffer.from('KeysteadKeyVaultSecretBackupV1.garbage').toString('base64url')])(
    'refuses to restore %j',
    async (value) => {
      const request = { method: 'POST', path: '/secrets/restore?api-version=7.5', as: alice, body: { value } }
      refused(await cloud.send(request), 400, 'BadParameter')
    },
  )

  it('outlives a client that hangs up half-way through its body', async () => {
    const token = await alice.token('https://vault.azure.net')
    const socket = connect(cloud.keyVaultPort, '127.0.0.1')
    await new Promise<void>((resolve) => socket.once('connect', () => resolve()))
    const head = `PUT /secrets/half?api-version=7.5 HTTP/1.1\r\nHost: kv1.vault.azure.net\r\nAuthorization: Bearer ${token}\r\nContent-Length: 1000\r\n\r\n{"value":`
    socket.write(head)
    const before = (await cloud.audited()).length
    socket.end()
    socket.destroySoon()
    await expect.poll(async () => (await cloud.audited()).length).toBeGreaterThan(before)
    expect((await cloud.audited()).at(-1)).toMatchObject({ operation: 'SecretSet', status: 400 })
    expect((await cloud.send({ path: '/secrets/half?api-version=7.5', as: alice })).status).toBe(404)
  })
})
