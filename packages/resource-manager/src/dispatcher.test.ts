import { createHmac, generateKeyPairSync, sign } from 'node:crypto'
import { connect } from 'node:net'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type Client, nobody, roles, startCloud, subscriptionPath, type TestCloud, tenantId } from './testing/cloud.ts'
import { createWidgets } from './testing/widgets.ts'

let cloud: TestCloud
const group = `${subscriptionPath}/resourceGroups/rg`
const widget = `${group}/providers/Microsoft.Test/widgets/w1`
const v = '?api-version=2024-01-01'
const location = 'westeurope'

beforeAll(async () => {
  cloud = await startCloud({ providers: [createWidgets().provider] })
  await cloud.request('PUT', `${group}?api-version=2021-04-01`, { body: { location } })
})
afterAll(() => cloud.stop())

const outcome = async (...request: Parameters<TestCloud['request']>) => {
  const { status, json } = await cloud.request(...request)
  return { status, code: json?.error?.code }
}

describe('the order of the checks', () => {
  it('asks for the api-version before anything else', async () => {
    expect(await outcome('GET', widget, { as: nobody })).toEqual({ status: 400, code: 'MissingApiVersionParameter' })
  })
  it('asks who the caller is before it says what there is', async () => {
    expect(await outcome('GET', `/subscriptions/x/nothing${v}`, { as: nobody })).toMatchObject({ status: 401 })
  })
  it('names the versions that a type has', async () => {
    const { status, json } = await cloud.request('GET', `${widget}?api-version=1999-01-01`)
    expect(status).toBe(400)
    expect(json.error).toEqual({
      code: 'NoRegisteredProviderFound',
      message:
        "No registered resource provider found for location '' and API version '1999-01-01' for type 'widgets'. The supported api-versions are '2024-01-01, 2023-01-01'. The supported locations are 'westeurope, eastus'.",
    })
  })
  it('refuses before it says whether the group exists', async () => {
    const stranger = await cloud.client()
    const missing = `${subscriptionPath}/resourceGroups/none/providers/Microsoft.Test/widgets/w${v}`
    expect(await outcome('GET', missing, { as: stranger })).toEqual({ status: 403, code: 'AuthorizationFailed' })
    expect(await outcome('GET', missing)).toEqual({ status: 404, code: 'ResourceGroupNotFound' })
  })
  it.each([
    ['GET', `/subscriptions/not-a-guid/resourcegroups?api-version=2021-04-01`, 400, 'InvalidSubscriptionId'],
    ['GET', `/subscriptions/${tenantId}/resourcegroups?api-version=2021-04-01`, 404, 'SubscriptionNotFound'],
    ['GET', `${group}?api-version=1.0`, 400, 'InvalidApiVersionParameter'],
    ['GET', `${widget}?api-version=`, 400, 'MissingApiVersionParameter'],
    ['GET', `${widget}?api-version=latest`, 400, 'InvalidApiVersionParameter'],
    ['GET', `${group}/providers/Microsoft.Nothing/widgets/w${v}`, 404, 'InvalidResourceNamespace'],
    ['GET', `${group}/providers/Microsoft.Test/nothings/w${v}`, 404, 'InvalidResourceType'],
    ['GET', `${group}/nothing?api-version=2021-04-01`, 404, 'NotFound'],
    ['PATCH', `${widget}${v}`, 405, 'MethodNotAllowed'],
    ['TRACE1', `${widget}${v}`, 405, 'MethodNotAllowed'],
    ['POST', `${widget}/nothing${v}`, 405, 'MethodNotAllowed'],
    ['GET', `${group}/providers/Microsoft.Test/widgets${v}`, 405, 'MethodNotAllowed'],
    ['GET', `${widget}/providers/Microsoft.Test/widgets/w2${v}`, 405, 'MethodNotAllowed'],
    ['GET', `/providers/Microsoft.Test/widgets/w${v}`, 405, 'MethodNotAllowed'],
    ['GET', `/subscriptions/providers/Microsoft.Resources${v}`, 400, 'InvalidSubscriptionId'],
    ['GET', `${widget}${v}`, 404, 'ResourceNotFound'],
    ['HEAD', `${widget}${v}`, 404, undefined],
    ['PUT', `${widget}/parts/p1${v}`, 404, 'ParentResourceNotFound'],
  ])('%s %s', async (method, path, status, code) => {
    const real = method === 'TRACE1' ? 'OPTIONS' : method
    expect(await outcome(real, path)).toEqual({ status, code })
  })
})

describe('a resource', () => {
  it('is created, read in any case, asked about and deleted', async () => {
    const created = await cloud.request('PUT', `${widget}${v}`, {
      body: { location: 'West Europe', tags: { a: 'b' }, properties: { size: null, label: 'x' }, sku: null },
    })
    expect(created.status).toBe(201)
    expect(created.json).toEqual({
      id: widget,
      name: 'w1',
      type: 'Microsoft.Test/widgets',
      location: 'westeurope',
      tags: { a: 'b' },
      properties: { label: 'x' },
    })
    const upper = widget.toUpperCase()
    expect((await cloud.request('GET', `${upper}${v}`)).json).toMatchObject({ id: widget })
    expect((await cloud.request('GET', `/${widget.replace('Microsoft.Test/', 'Microsoft.Test//')}/${v}`)).status).toBe(
      200,
    )
    expect((await cloud.request('HEAD', `${widget}${v}`)).status).toBe(204)
    expect((await cloud.request('POST', `${widget}/LISTKEYS${v}`)).json).toEqual({ keys: ['k'] })
    expect((await cloud.request('PUT', `${widget}/parts/p1${v}`)).status).toBe(201)
    expect((await cloud.request('DELETE', `${widget}${v}`)).status).toBe(200)
    expect((await cloud.request('DELETE', `${widget}${v}`)).status).toBe(204)
  })

  it('takes a verb of the whole subscription', async () => {
    const { json } = await cloud.request(
      'POST',
      `${subscriptionPath}/providers/Microsoft.Test/checkNameAvailability${v}`,
    )
    expect(json).toEqual({ nameAvailable: true })
  })

  it('must be in a location of its type, and stays there', async () => {
    const put = (body: unknown) => outcome('PUT', `${widget}${v}`, { body })
    expect(await put({})).toEqual({ status: 400, code: 'LocationRequired' })
    expect(await put({ location: 'northeurope' })).toEqual({ status: 400, code: 'LocationNotAvailableForResourceType' })
    expect(await put({ location })).toMatchObject({ status: 201 })
    expect(await put({ location: 'eastus' })).toEqual({ status: 409, code: 'InvalidResourceLocation' })
    expect(await put({ location, properties: { size: 'big' } })).toEqual({ status: 400, code: 'InvalidRequestContent' })
  })

  it('is not overwritten by a client that has not seen its last state', async () => {
    const first = await cloud.request('PUT', `${widget}${v}`, { body: { location } })
    const etag = first.headers.get('etag') ?? ''
    const put = (headers: Record<string, string>) => outcome('PUT', `${widget}${v}`, { body: { location }, headers })
    expect(await put({ 'if-none-match': '*' })).toEqual({ status: 412, code: 'PreconditionFailed' })
    expect(await put({ 'if-match': '"other"' })).toEqual({ status: 412, code: 'PreconditionFailed' })
    expect(await put({ 'if-match': etag })).toMatchObject({ status: 200 })
    expect(await put({ 'if-match': etag })).toEqual({ status: 412, code: 'PreconditionFailed' })
    expect(await put({ 'if-match': '*' })).toMatchObject({ status: 200 })
  })

  it('is created by one of many creations at once', async () => {
    const path = `${group}/providers/Microsoft.Test/widgets/at-once${v}`
    const answers = await Promise.all(
      Array.from({ length: 20 }, () => cloud.request('PUT', path, { body: { location } })),
    )
    expect(answers.map((answer) => answer.status).sort()).toEqual([...Array(19).fill(200), 201])
  })

  it('loses the assignments made on it when it is deleted', async () => {
    await cloud.request('PUT', `${widget}${v}`, { body: { location } })
    const reader = await cloud.client([{ role: roles.reader, scope: widget }])
    expect(await outcome('GET', `${widget}${v}`, { as: reader })).toMatchObject({ status: 200 })
    await cloud.request('DELETE', `${widget}${v}`)
    await cloud.request('PUT', `${widget}${v}`, { body: { location } })
    expect(await outcome('GET', `${widget}${v}`, { as: reader })).toMatchObject({ status: 403 })
  })
})

describe('a body', () => {
  const put = (rawBody: string | Uint8Array, headers: Record<string, string> = {}) =>
    outcome('PUT', `${widget}${v}`, { rawBody, headers })
  it.each([
    ['no JSON', '{"location": westeurope}'],
    ['a trailing comma', '{"location":"westeurope",}'],
    ['half of it', '{"location":'],
    ['two documents', '{}{}'],
    ['invalid UTF-8', new Uint8Array([0x7b, 0x22, 0xff, 0x22, 0x7d])],
    ['nesting without end', `${'['.repeat(100_000)}${']'.repeat(100_000)}`],
    ['objects without end', `${'{"a":'.repeat(1000)}1${'}'.repeat(1000)}`],
    ['a string', '"location"'],
  ])('with %s is refused', async (_, rawBody) => {
    expect(await put(rawBody)).toEqual({ status: 400, code: 'InvalidRequestContent' })
  })
  it('is not quoted in the error: it may hold a secret', async () => {
    const { json } = await cloud.request('PUT', `${widget}${v}`, { rawBody: '{"password": hunter2hunter2}' })
    expect(json.error?.message).not.toContain('hunter2')
  })
  it('of another media type is refused', async () => {
    expect(await put('<xml/>', { 'content-type': 'application/xml' })).toEqual({
      status: 415,
      code: 'UnsupportedMediaType',
    })
    expect(await put('{}', { 'content-encoding': 'gzip' })).toEqual({ status: 415, code: 'UnsupportedMediaType' })
  })
  it('over 4 MB is refused, whether its length is told or not', async () => {
    const big = `{"location":"westeurope","x":"${'x'.repeat(4 * 1024 * 1024)}"}`
    expect(await put(big)).toEqual({ status: 413, code: 'RequestContentTooLarge' })
    const { port } = new URL(cloud.endpoint)
    const answer = await raw(
      Number(port),
      `PUT ${widget}${v} HTTP/1.1\r\nhost: h\r\nauthorization: Bearer ${cloud.owner.token}\r\ncontent-type: application/json\r\ntransfer-encoding: chunked\r\n\r\n${(0x500000).toString(16)}\r\n${'x'.repeat(0x500000)}\r\n0\r\n\r\n`,
    )
    expect(answer).toMatch(/^HTTP\/1\.1 413 /)
  })
  it('with __proto__ in it changes nothing but itself', async () => {
    expect(
      await put('{"location":"westeurope","__proto__":{"polluted":1},"properties":{"__proto__":{"x":1}}}'),
    ).toMatchObject({ status: 200 })
    expect(({} as Record<string, unknown>).polluted).toBeUndefined()
  })
  it('that never ends leaves the server as it was', async () => {
    const { port } = new URL(cloud.endpoint)
    await new Promise<void>((resolve) => {
      const socket = connect(Number(port), '127.0.0.1', () => {
        socket.write(
          `PUT ${widget}${v} HTTP/1.1\r\nhost: h\r\nauthorization: Bearer ${cloud.owner.token}\r\ncontent-type: application/json\r\ncontent-length: 100\r\n\r\n{"loc`,
          () => socket.destroy(),
        )
      })
      socket.once('close', () => resolve())
    })
    expect(await outcome('GET', `${widget}${v}`)).toMatchObject({ status: 200 })
  })
})

describe('a token', () => {
  const as = (token: string): Client => ({ ...nobody, token })
  const part = (value: unknown) => Buffer.from(JSON.stringify(value)).toString('base64url')
  const claims = () => JSON.parse(Buffer.from(cloud.owner.token.split('.')[1] ?? '', 'base64url').toString())

  it.each([
    ['that is no token', () => 'nonsense', 'InvalidAuthenticationToken'],
    [
      'without a signature (alg none)',
      () => `${part({ alg: 'none', typ: 'JWT' })}.${part(claims())}.`,
      'InvalidAuthenticationToken',
    ],
    [
      'signed by somebody else',
      () => {
        const [header] = cloud.owner.token.split('.')
        const text = `${header}.${part(claims())}`
        const { privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 })
        return `${text}.${sign('RSA-SHA256', Buffer.from(text), privateKey).toString('base64url')}`
      },
      'InvalidAuthenticationToken',
    ],
    [
      'signed by HMAC',
      () => {
        const text = `${part({ alg: 'HS256', typ: 'JWT' })}.${part(claims())}`
        return `${text}.${createHmac('sha256', 'key').update(text).digest('base64url')}`
      },
      'InvalidAuthenticationToken',
    ],
  ])('%s is refused', async (_, token, code) => {
    const { status, json, headers } = await cloud.request('GET', `${widget}${v}`, { as: as(token()) })
    expect({ status, code: json.error?.code }).toEqual({ status: 401, code })
    expect(headers.get('www-authenticate')).toContain(
      `authorization_uri="https://login.microsoftonline.com/${tenantId}"`,
    )
    expect(JSON.stringify(json)).not.toContain(token())
  })

  it('for another service is refused, and for either name of this one taken', async () => {
    const assignments = [{ role: roles.reader, scope: subscriptionPath }]
    const vault = await cloud.client(assignments, 'https://vault.azure.net')
    expect(await outcome('GET', `${widget}${v}`, { as: vault })).toEqual({
      status: 401,
      code: 'InvalidAuthenticationTokenAudience',
    })
    for (const audience of ['https://management.core.windows.net', 'https://management.core.windows.net/']) {
      const client = await cloud.client(assignments, audience)
      expect(await outcome('GET', `${widget}${v}`, { as: client })).toMatchObject({ status: 200 })
    }
  })

  it('that has expired is refused as expired', async () => {
    const client = await cloud.client([{ role: roles.reader, scope: subscriptionPath }])
    const before = cloud.now
    cloud.now += 48 * 3600 * 1000
    try {
      expect(await outcome('GET', `${widget}${v}`, { as: client })).toEqual({
        status: 401,
        code: 'ExpiredAuthenticationToken',
      })
    } finally {
      cloud.now = before
    }
  })
})

describe('every answer', () => {
  it('carries the ids that a support case asks for', async () => {
    const correlation = '7a1e3f46-23a8-4c2f-a0b0-2f5b8ad55501'
    const { headers } = await cloud.request('GET', `${widget}${v}`, {
      headers: { 'x-ms-correlation-request-id': correlation, 'x-ms-client-request-id': 'mine-1' },
    })
    expect(headers.get('x-ms-request-id')).toMatch(/^[0-9a-f-]{36}$/)
    expect(headers.get('x-ms-correlation-request-id')).toBe(correlation)
    expect(headers.get('x-ms-client-request-id')).toBe('mine-1')
    expect(headers.get('strict-transport-security')).toBe('max-age=31536000; includeSubDomains')
  })
  it('to a broken handler is 500 with the request id, and no detail', async () => {
    const { status, json } = await cloud.request('POST', `${widget}/crash${v}`)
    expect(status).toBe(500)
    expect(json.error).toMatchObject({ code: 'InternalServerError' })
    expect(JSON.stringify(json)).not.toContain('broke')
  })
})

describe('the audit trail', () => {
  it('has the event of a write and of a refusal before their answers, and none of a read', async () => {
    const before = (await cloud.audited()).length
    await cloud.request('GET', `${widget}${v}`)
    expect(await cloud.audited()).toHaveLength(before)
    const write = await cloud.request('PUT', `${widget}${v}`, { body: { location } })
    const stranger = await cloud.client()
    const refusal = await cloud.request('GET', `${widget}${v}`, { as: stranger })
    const unknown = await cloud.request('GET', `${widget}${v}`, { as: nobody })
    const events = (await cloud.audited()).slice(before)
    expect(events).toMatchObject([
      {
        service: 'resource-manager',
        operation: 'Microsoft.Test/widgets/write',
        requestId: write.headers.get('x-ms-request-id'),
        caller: { objectId: cloud.owner.objectId },
        resource: widget,
        status: 200,
        decision: { allowed: true, roleName: 'Owner' },
      },
      {
        operation: 'Microsoft.Test/widgets/read',
        requestId: refusal.headers.get('x-ms-request-id'),
        caller: { objectId: stranger.objectId },
        status: 403,
        decision: { allowed: false, reason: 'noRoleAssignment' },
      },
      { requestId: unknown.headers.get('x-ms-request-id'), status: 401 },
    ])
    expect(events[2]).not.toHaveProperty('caller')
  })
})

it('answers no hostile path with a failure of its own', async () => {
  const { port } = new URL(cloud.endpoint)
  let seed = 20240607
  const random = (below: number) => {
    seed = (seed * 1103515245 + 12345) % 2147483648
    return seed % below
  }
  const parts = [
    'subscriptions',
    subscriptionPath.split('/')[2],
    'resourceGroups',
    'resourcegroups',
    'rg',
    'providers',
    'Microsoft.Test',
    'Microsoft.Resources',
    'Microsoft.Authorization',
    'Microsoft.ManagedIdentity',
    'widgets',
    'w1',
    'roleAssignments',
    'roleDefinitions',
    'userAssignedIdentities',
    'federatedIdentityCredentials',
    'parts',
    'listKeys',
    'register',
    'operationStatuses',
    'locations',
    'operationresults',
    'tenants',
    'resources',
    '..',
    '.',
    '',
    '%2F',
    '%2e%2e',
    '%00',
    '%',
    '%zz',
    '%C0%AF',
    '%F0%9F%92%A3',
    '__proto__',
    'constructor',
    'hasOwnProperty',
    'x'.repeat(300),
    "'",
    '"',
    '<script>',
    '%0d%0aset-cookie:x',
    ';',
    ':',
    '@',
    '*',
    '{id}',
    '\\',
    '%5c',
    'ｆｕｌｌ',
  ]
  const queries = [
    '',
    v,
    '?api-version=2021-04-01',
    '?api-version=2022-04-01',
    '?api-version=2023-01-31',
    '?&&=&',
    '?api-version=%00',
    '?api-version=2021-04-01&$filter=(((',
    "?api-version=2022-04-01&$filter=principalId eq '",
    '?api-version=2021-04-01&$top=-1',
    '?api-version=2021-04-01&$skiptoken=%FF',
    '?__proto__=x&api-version=2021-04-01',
    '#x',
  ]
  const methods = ['GET', 'PUT', 'POST', 'DELETE', 'PATCH', 'HEAD', 'OPTIONS']
  const failures: string[] = []
  for (let batch = 0; batch < 40; batch++) {
    const targets = Array.from({ length: 25 }, () => {
      const path = Array.from({ length: random(12) }, () => parts[random(parts.length)]).join('/')
      const method = methods[random(methods.length)]
      return `${method} ${encodeNonAscii(`/${path}${queries[random(queries.length)]}`).replaceAll(' ', '%20')}`
    })
    const requests = targets.map(
      (target, index) =>
        `${target} HTTP/1.1\r\nhost: h\r\nauthorization: Bearer ${cloud.owner.token}\r\ncontent-length: 2\r\ncontent-type: application/json\r\n${index === targets.length - 1 ? 'connection: close\r\n' : ''}\r\n{}`,
    )
    const answer = await raw(Number(port), requests.join(''))
    const statuses = [...answer.matchAll(/HTTP\/1\.1 (\d{3}) /g)].map((match) => Number(match[1]))
    statuses.forEach((status, index) => {
      if (status >= 500) failures.push(`${status} ${targets[index]}`)
    })
    if (statuses.length !== targets.length) failures.push(`${statuses.length} answers to ${targets.length} requests`)
  }
  expect(failures).toEqual([])
})

function encodeNonAscii(text: string): string {
  return text.replace(/[^\u0020-\u007e]/g, (character) => encodeURIComponent(character))
}

/** Writes bytes and reads until the server closes. */
function raw(port: number, text: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = []
    const socket = connect(port, '127.0.0.1', () => socket.write(text))
    socket.on('data', (chunk) => chunks.push(chunk))
    socket.on('error', (error) => (chunks.length > 0 ? resolve(Buffer.concat(chunks).toString()) : reject(error)))
    socket.on('close', () => resolve(Buffer.concat(chunks).toString()))
  })
}
