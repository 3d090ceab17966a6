import { once } from 'node:events'
import { connect, createServer } from 'node:net'
import { DaprClient } from '@dapr/dapr'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type SidecarProcess, startSidecar } from './testing/sidecar-process.ts'

const localStores = {
  'stores.yaml': `apiVersion: dapr.io/v1alpha1
kind: Component
metadata:
  name: statestore
spec:
  type: state.in-memory
  version: v1
---
apiVersion: dapr.io/v1alpha1
kind: Component
metadata:
  name: secrets
spec:
  type: secretstores.local.file
  version: v1
  metadata:
  - name: secretsFile
    value: "{folder}/secrets.json"
`,
  'secrets.json': '{"k1":"v<1>","db":{"password":"p"}}',
}
const initialized = 'dapr initialized. Status: Running.'

async function call(url: string, init?: RequestInit) {
  const response = await fetch(url, init)
  return { status: response.status, headers: response.headers, text: await response.text() }
}

const post = (body: string): RequestInit => ({ method: 'POST', body })

describe('a sidecar with local stores', () => {
  let sidecar: SidecarProcess
  beforeAll(async () => {
    sidecar = await startSidecar({ resources: localStores })
    await sidecar.line(initialized)
  })
  afterAll(() => sidecar.stop())

  // Bodies seen on a running daprd 1.18.3.
  it.each([
    ['GET', '/v1.0/secrets/secrets/k1', '', 200, '{"k1":"v\\u003c1\\u003e"}\n'],
    ['GET', '//v1.0///secrets/secrets/k1/', '', 200, '{"k1":"v\\u003c1\\u003e"}\n'],
    [
      'GET',
      '/v1.0/secrets/secrets/nope',
      '',
      500,
      '{"errorCode":"ERR_SECRET_GET","message":"failed getting secret with key nope from secret store secrets: secret nope not found"}',
    ],
    [
      'GET',
      '/v1.0/secrets/none/k',
      '',
      401,
      '{"errorCode":"ERR_SECRET_STORE_NOT_FOUND","message":"failed finding secret store with key none"}',
    ],
    [
      'POST',
      '/v1.0/state/nostore',
      '[]',
      400,
      '{"errorCode":"ERR_STATE_STORE_NOT_FOUND","message":"state store nostore is not found","details":[{"@type":"type.googleapis.com/google.rpc.ErrorInfo","domain":"dapr.io","metadata":{"appID":"app1"},"reason":"DAPR_STATE_NOT_FOUND"}]}',
    ],
    [
      'POST',
      '/v1.0/state/statestore',
      '{"a":1}',
      400,
      '{"errorCode":"ERR_MALFORMED_REQUEST","message":"json: cannot unmarshal object into Go value of type []state.SetRequest"}',
    ],
    ['POST', '/v1.0/state/statestore', '', 400, '{"errorCode":"ERR_MALFORMED_REQUEST","message":"EOF"}'],
    ['POST', '/v1.0/state/statestore', '[{', 400, '{"errorCode":"ERR_MALFORMED_REQUEST","message":"unexpected EOF"}'],
    [
      'POST',
      '/v1.0/state/statestore',
      '[{"key":"a","options":{"concurrency":2}}]',
      400,
      '{"errorCode":"ERR_MALFORMED_REQUEST","message":"json: cannot unmarshal number into Go struct field SetStateOption.options.Concurrency of type string"}',
    ],
    [
      'POST',
      '/v1.0/state/statestore',
      '[{"value":1}]',
      400,
      '{"errorCode":"ERR_MALFORMED_REQUEST","message":"\\"key\\" is a required field"}',
    ],
    [
      'POST',
      '/v1.0/state/statestore',
      '[{"key":"e","value":1,"etag":"99","options":{"concurrency":"first-write"}}]',
      409,
      '{"errorCode":"ERR_STATE_SAVE","message":"failed saving state in state store statestore: possible etag mismatch. error from state store: state not exist or expired for key=app1||e"}',
    ],
    [
      'GET',
      '/v1.0/state/statestore/a%7C%7Cb',
      '',
      400,
      `{"errorCode":"ERR_MALFORMED_REQUEST","message":"api error: code = InvalidArgument desc = input key/keyPrefix 'a||b' can't contain '||'","details":[{"@type":"type.googleapis.com/google.rpc.BadRequest","field_violations":[{"field":"a||b","description":"api error: code = InvalidArgument desc = input key/keyPrefix 'a||b' can't contain '||'"}]},{"@type":"type.googleapis.com/google.rpc.ResourceInfo","description":"","owner":"","resource_name":"statestore","resource_type":"state"},{"@type":"type.googleapis.com/google.rpc.ErrorInfo","domain":"dapr.io","metadata":null,"reason":"DAPR_STATE_ILLEGAL_KEY"}]}`,
    ],
    [
      'POST',
      '/v1.0/state/statestore/bulk',
      '{"keys":"a"}',
      400,
      '{"errorCode":"ERR_MALFORMED_REQUEST","message":"failed deserializing HTTP body: json: cannot unmarshal string into Go struct field BulkGetRequest.keys of type []string"}',
    ],
    [
      'POST',
      '/v1.0/state/statestore/transaction',
      '{"operations":[{"operation":"upsert","request":{"key":1,"value":"x","metadata":{"a":2}}}]}',
      400,
      `{"errorCode":"ERR_MALFORMED_REQUEST","message":"failed deserializing HTTP body: 2 error(s) decoding:\\n\\n* 'Key' expected type 'string', got unconvertible type 'float64', value: '1'\\n* 'Metadata[a]' expected type 'string', got unconvertible type 'float64', value: '2'"}`,
    ],
    [
      'POST',
      '/v1.0-alpha1/state/statestore/query',
      '{}',
      500,
      '{"errorCode":"ERR_STATE_STORE_NOT_SUPPORTED","message":"state store does not support querying","details":[{"@type":"type.googleapis.com/google.rpc.ResourceInfo","description":"","owner":"","resource_name":"statestore","resource_type":"state"},{"@type":"type.googleapis.com/google.rpc.ErrorInfo","domain":"dapr.io","metadata":null,"reason":"DAPR_STATE_QUERYING_NOT_SUPPORTED"}]}',
    ],
    [
      'GET',
      '/v1.0/nothing',
      '',
      404,
      '{"errorCode":"ERR_DIRECT_INVOKE","message":"failed getting app id either from the URL path or the header dapr-app-id"}',
    ],
    [
      'PATCH',
      '/v1.0/secrets/secrets/k1',
      '',
      404,
      '{"errorCode":"ERR_DIRECT_INVOKE","message":"failed getting app id either from the URL path or the header dapr-app-id"}',
    ],
    [
      'GET',
      '/v1.0/configuration/x',
      '',
      500,
      '{"errorCode":"ERR_CONFIGURATION_STORE_NOT_CONFIGURED","message":"configuration stores not configured"}',
    ],
    [
      'GET',
      '/v1.0/healthz?appid=other',
      '',
      500,
      '{"errorCode":"ERR_HEALTH_APPID_NOT_MATCH","message":"dapr app-id does not match"}',
    ],
  ])('answers %s %s %s as daprd does', async (method, path, body, status, expected) => {
    const answer = await call(sidecar.url + path, { method, ...(method === 'GET' ? {} : { body }) })
    expect([answer.status, answer.text]).toEqual([status, expected])
    expect(answer.headers.get('content-type')).toBe('application/json')
  })

  it('keeps values as Go writes them, with an etag that the next write may ask for', async () => {
    const save = await call(
      `${sidecar.url}/v1.0/state/statestore`,
      post('[{"key":"a","value":{"b":"<1>","a":1.50}}] rest'),
    )
    expect(save.status).toBe(204)
    const read = await call(`${sidecar.url}/v1.0/state/statestore/a`)
    expect(read.text).toBe('{"a":1.5,"b":"\\u003c1\\u003e"}')
    const etag = read.headers.get('etag') ?? ''
    const refused = await call(`${sidecar.url}/v1.0/state/statestore/a`, {
      method: 'DELETE',
      headers: { 'If-Match': '77' },
    })
    expect(refused.status).toBe(409)
    expect(refused.text).toContain('"errorCode":"ERR_STATE_DELETE"')
    const removed = await call(`${sidecar.url}/v1.0/state/statestore/a`, {
      method: 'DELETE',
      headers: { 'If-Match': etag },
    })
    expect(removed.status).toBe(204)
    expect((await call(`${sidecar.url}/v1.0/state/statestore/a`)).status).toBe(204)
  })

  it('takes keys of every kind, and metadata from the query', async () => {
    const key = 'a/b c+😀\u0000'
    await call(
      `${sidecar.url}/v1.0/state/statestore?metadata.ttlInSeconds=100`,
      post(JSON.stringify([{ key, value: 'text' }])),
    )
    const read = await call(`${sidecar.url}/v1.0/state/statestore/${encodeURIComponent(key)}`)
    expect(read.text).toBe('"text"')
    expect(read.headers.get('metadata.ttlexpiretime')).toMatch(/^\d{4}-\d\d-\d\dT/)
  })

  it('gives a trace context back, and one of its own where there was none', async () => {
    const traceparent = '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01'
    const given = await call(`${sidecar.url}/v1.0/secrets/secrets/k1`, { headers: { traceparent, tracestate: 'a=b' } })
    expect(given.headers.get('traceparent')).toBe(traceparent)
    expect(given.headers.get('tracestate')).toBe('a=b')
    const own = await call(`${sidecar.url}/v1.0/secrets/secrets/k1`)
    expect(own.headers.get('traceparent')).toMatch(/^00-[0-9a-f]{32}-[0-9a-f]{16}-00$/)
    expect((await call(`${sidecar.url}/v1.0/healthz`)).headers.get('traceparent')).toBeNull()
  })

  it('refuses a body over the limit and serves on', async () => {
    const body = JSON.stringify([{ key: 'big', value: 'x'.repeat(10 << 20) }])
    // The connection ends with the answer: a client still writing may see either.
    const refused = await call(`${sidecar.url}/v1.0/state/statestore`, post(body)).catch((error: unknown) => error)
    if (!(refused instanceof Error)) {
      expect(refused).toMatchObject({
        status: 400,
        text: '{"errorCode":"ERR_MALFORMED_REQUEST","message":"stream too large"}',
      })
    }
    expect((await call(`${sidecar.url}/v1.0/healthz`)).status).toBe(204)
  })

  it('survives callers that hang up half-way and bytes that are no request', async () => {
    for (const bytes of [
      'POST /v1.0/state/statestore HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\n[{',
      'GET /%zz HTTP/1.1\r\nHost: x\r\n\r\n',
      '\u0000\u0001\r\n\r\n',
    ]) {
      const socket = connect(sidecar.httpPort, '127.0.0.1')
      socket.on('error', () => undefined)
      await once(socket, 'connect')
      socket.end(bytes)
      socket.resume()
      await once(socket, 'close')
    }
    expect((await call(`${sidecar.url}/v1.0/healthz`)).status).toBe(204)
  })

  it('tells of itself and of what an app adds', async () => {
    await call(`${sidecar.url}/v1.0/metadata/color`, { method: 'PUT', body: 'blue' })
    const metadata = JSON.parse((await call(`${sidecar.url}/v1.0/metadata`)).text)
    expect(metadata).toMatchObject({
      id: 'app1',
      runtimeVersion: '1.18.3',
      components: [
        { name: 'secrets', type: 'secretstores.local.file', version: 'v1' },
        {
          name: 'statestore',
          type: 'state.in-memory',
          version: 'v1',
          capabilities: expect.arrayContaining(['ETAG', 'TRANSACTIONAL', 'ACTOR']),
        },
      ],
      extended: { color: 'blue', daprRuntimeVersion: '1.18.3' },
      appConnectionProperties: { protocol: 'http', channelAddress: '127.0.0.1' },
    })
  })

  it("counts what it serves under Dapr's names", async () => {
    await call(`${sidecar.url}/v1.0/secrets/secrets/k1`)
    const { text } = await call(`http://127.0.0.1:${sidecar.metricsPort}/`)
    for (const line of [
      /^dapr_http_server_request_count\{app_id="app1",method="GET",path="\/v1.0\/secrets\/secrets",status="200"\} \d+$/m,
      /^dapr_http_server_latency_bucket\{app_id="app1",method="GET",path="\/v1.0\/secrets\/secrets",status="200",le="\+Inf"\} \d+$/m,
      /^dapr_component_secret_count\{app_id="app1",component="secrets",namespace="",operation="get",success="true"\} \d+$/m,
      /^dapr_runtime_component_loaded\{app_id="app1"\} 2$/m,
      /^process_resident_memory_bytes \d+$/m,
    ]) {
      expect(text).toMatch(line)
    }
  })

  it('serves the unmodified JavaScript SDK', async () => {
    const client = new DaprClient({ daprHost: '127.0.0.1', daprPort: String(sidecar.httpPort) })
    expect(await client.secret.get('secrets', 'k1')).toEqual({ k1: 'v<1>' })
    expect(await client.secret.getBulk('secrets')).toMatchObject({ k1: { k1: 'v<1>' } })
    await client.state.save('statestore', [
      { key: 'order-1', value: { id: 1 } },
      { key: 'order-2', value: 'two' },
    ])
    expect(await client.state.get('statestore', 'order-1')).toEqual({ id: 1 })
    expect(await client.state.getBulk('statestore', ['order-1', 'order-2'])).toMatchObject([
      { key: 'order-1', data: { id: 1 } },
      { key: 'order-2', data: 'two' },
    ])
    await client.state.transaction('statestore', [
      { operation: 'upsert', request: { key: 'order-3', value: 3 } },
      { operation: 'delete', request: { key: 'order-1' } },
    ])
    expect(await client.state.get('statestore', 'order-3')).toBe(3)
    await client.state.delete('statestore', 'order-2')
    expect(await client.state.get('statestore', 'order-2')).toBe('')
    expect(await client.health.isHealthy()).toBe(true)
  })

  it('ends gracefully on a signal, with exit code 0', async () => {
    expect(await sidecar.stop()).toBe(0)
    const text = sidecar.lines.join('\n')
    for (const part of [
      "Received signal 'terminated'; beginning shutdown",
      'Dapr is shutting down',
      'Shutting down component statestore (state.in-memory/v1)',
      'Dapr runtime stopped',
      'Daprd shutdown gracefully',
    ]) {
      expect(text).toContain(part)
    }
  })
})

describe('starting', () => {
  const component = (name: string, type: string, more = '') => `apiVersion: dapr.io/v1alpha1
kind: Component
metadata:
  name: ${name}
spec:
  type: ${type}
  version: v1
${more}---
`

  it('logs a secret that cannot be had and goes on without it; parks what waits for a store', async () => {
    const reference = (store: string) => `  metadata:
  - name: foo
    secretKeyRef: {name: nosuch, key: k}
  - name: token
    envRef: DAPR_API_TOKEN
auth:
  secretStore: ${store}
`
    const sidecar = await startSidecar({
      resources: {
        ...localStores,
        'more.yaml':
          component('uses', 'state.in-memory', reference('secrets')) +
          component('parked', 'state.in-memory', reference('missing')),
        'bad.yaml': 'kind: [unclosed\n',
        'readme.txt': 'no yaml',
      },
      environment: { DAPR_API_TOKEN: 'token-1' },
    })
    const ready = await sidecar.line(initialized)
    expect(ready).toMatch(
      /^time="\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)" level=info msg="dapr initialized\. Status: Running\. Init Elapsed \d+ms" app_id=app1 instance=\S+ scope=dapr\.runtime type=log ver=1\.18\.3$/,
    )
    const text = sidecar.lines.join('\n')
    expect(text).toContain('level=error msg="Error getting secret: secret nosuch not found" app_id=app1')
    expect(text).toContain(
      `level=warning msg="Component uses references an env variable that isn't allowed: DAPR_API_TOKEN"`,
    )
    expect(text).toContain(`level=warning msg="Component parked references a secret store that isn't loaded: missing"`)
    expect(text).toContain(
      'level=warning msg="A non-YAML Component file readme.txt was detected, it will not be loaded"',
    )
    expect(text).toContain(
      `level=warning msg="daprd load Component error when parsing manifests yaml resource in ${sidecar.folder}/bad.yaml: error converting YAML to JSON: yaml: line `,
    )
    expect(text).toContain('level=info msg="Component loaded: uses (state.in-memory/v1)"')
    // The token is asked for, and health checks do not need it.
    expect((await call(`${sidecar.url}/v1.0/healthz`)).status).toBe(204)
    expect(await call(`${sidecar.url}/v1.0/secrets/secrets/k1`)).toMatchObject({
      status: 401,
      text: 'invalid api token\n',
    })
    expect(
      (await call(`${sidecar.url}/v1.0/secrets/secrets/k1`, { headers: { 'dapr-api-token': 'token-1' } })).status,
    ).toBe(200)
    expect(text).not.toContain('token-1')
    await sidecar.stop()
  })

  it.each([
    [
      'an unknown type',
      component('s', 'state.nope'),
      "process component s error: [INIT_COMPONENT_FAILURE]: initialization error occurred for s (state.nope/v1): [CREATE_COMPONENT_FAILURE]: initialization error occurred for s (state.nope/v1): couldn't find state store state.nope/v1",
    ],
    ['no building block', component('s', 'foo.bar'), 'process component s error: incorrect type foo.bar'],
    [
      'two of one name',
      component('s', 'state.in-memory') + component('s', 'state.in-memory'),
      'failed to load components: duplicate definition of Component name s (state.in-memory/v1) with existing s (state.in-memory/v1)',
    ],
    [
      'an encryption key that is no reference',
      component('s', 'state.in-memory', '  metadata:\n  - name: primaryEncryptionKey\n    value: x\n'),
      'process component s error: [INIT_COMPONENT_FAILURE]: initialization error occurred for s (state.in-memory/v1): [INIT_COMPONENT_FAILURE]: initialization error occurred for s (state.in-memory/v1): failed to extract encryption key: failed to extract encryption key: secretKeyRef cannot be empty',
    ],
  ])("ends over %s with daprd's fatal line and exit code 1", async (_, yaml, fatal) => {
    const sidecar = await startSidecar({ resources: { 'a.yaml': yaml } })
    expect(await sidecar.exit).toBe(1)
    expect(sidecar.lines.at(-1)).toContain(`level=fatal msg="Fatal error from runtime: ${fatal}"`)
  })

  it('ignores the errors of a component that says so', async () => {
    const sidecar = await startSidecar({
      resources: { 'a.yaml': component('s', 'state.nope', '  ignoreErrors: true\n') },
    })
    await sidecar.line(initialized)
    expect(await sidecar.line('Ignoring error processing component: process component s error:')).toContain(
      'level=error',
    )
    expect(await call(`${sidecar.url}/v1.0/state/s/k`)).toMatchObject({
      status: 500,
      text: expect.stringContaining('ERR_STATE_STORE_NOT_CONFIGURED'),
    })
    expect(await call(`${sidecar.url}/v1.0/secrets/s/k`)).toMatchObject({
      status: 500,
      text: expect.stringContaining('ERR_SECRET_STORES_NOT_CONFIGURED'),
    })
    await sidecar.stop()
  })

  it.each([
    [['--app-id', ''], 1, 'Fatal error from runtime: parameter app-id cannot be empty'],
    [['--app-id', 'a.b'], 1, 'Fatal error from runtime: parameter app-id cannot contain dots'],
    [
      ['--dapr-http-port', '0'],
      1,
      "Fatal error from runtime: the 'dapr-http-port' argument value 0 conflicts with 'app-port'",
    ],
    [
      ['-config', '/nonexistent'],
      1,
      'Fatal error from runtime: error loading configuration: stat /nonexistent: no such file or directory',
    ],
    [['--log-level', 'foo'], 1, 'invalid value for --log-level: foo'],
    [['--max-body-size', '4Zi'], 1, "Failed to parse flags: invalid value for 'max-body-size' option: "],
    [['--nope'], 2, 'unknown flag: --nope'],
    [
      ['--app-max-concurrency', 'x'],
      2,
      'invalid argument "x" for "--app-max-concurrency" flag: strconv.ParseInt: parsing "x": invalid syntax',
    ],
    [['--version'], 0, '1.18.3'],
  ])('refuses %j', async (args, code, text) => {
    const sidecar = await startSidecar({ args })
    expect(await sidecar.exit).toBe(code)
    expect(sidecar.lines.join('\n')).toContain(text)
  })

  it('ends when the metrics port is taken', async () => {
    const other = createServer().listen(0, '0.0.0.0')
    await once(other, 'listening')
    const address = other.address()
    const port = typeof address === 'object' && address ? address.port : 0
    const sidecar = await startSidecar({ args: ['--metrics-port', String(port)] })
    expect(await sidecar.exit).toBe(1)
    expect(sidecar.lines.at(-1)).toContain(
      `level=fatal msg="Fatal error from runtime: failed to listen on 0.0.0.0:${port}: listen tcp 0.0.0.0:${port}: bind: address already in use"`,
    )
    other.close()
  })

  it('waits for the app, ready for outbound calls meanwhile', async () => {
    const app = createServer()
    app.listen(0, '127.0.0.1')
    await once(app, 'listening')
    const address = app.address()
    const port = typeof address === 'object' && address ? address.port : 0
    app.close()
    await once(app, 'close')
    const sidecar = await startSidecar({
      args: ['--app-port', String(port), '--log-compat', '1.10', '--enable-api-logging'],
      resources: localStores,
    })
    await sidecar.line(
      `application protocol: http. waiting on port ${port}.  This will block until the app is listening on that port.`,
    )
    expect(await call(`${sidecar.url}/v1.0/healthz`)).toMatchObject({
      status: 500,
      text: '{"errorCode":"ERR_HEALTH_NOT_READY","message":"dapr is not ready: [runtime]"}',
    })
    expect((await call(`${sidecar.url}/v1.0/healthz/outbound`)).status).toBe(204)
    expect(await sidecar.line('HTTP API Called')).toMatch(
      / code=500 duration=\d+ instance=\S+ method="GET \/v1\.0\/healthz" scope=dapr\.runtime\.http-info size=77 type=log useragent=/,
    )
    const again = createServer().listen(port, '127.0.0.1')
    await sidecar.line(`application discovered on port ${port}`)
    await sidecar.line(initialized)
    expect(sidecar.lines.join('\n')).toContain('msg="component loaded. name: statestore, type: state.in-memory/v1"')
    again.close()
    await sidecar.stop()
  })

  it('keeps to secret scopes and API lists, and prints JSON', async () => {
    const sidecar = await startSidecar({
      resources: localStores,
      args: ['--config', '{folder}/secrets-config.txt', '--log-as-json', '--allowed-origins', 'http://a.example'],
    })
    expect(await sidecar.exit).toBe(1)
    const scoped = await startSidecar({
      resources: {
        ...localStores,
        'config.yaml': `apiVersion: dapr.io/v1alpha1
kind: Configuration
metadata: {name: c}
spec:
  secrets:
    scopes:
    - storeName: secrets
      defaultAccess: deny
      allowedSecrets: ["k1"]
  api:
    denied:
    - {name: state, version: v1, protocol: http}
`,
      },
      args: ['--config', '{folder}/config.yaml', '--log-as-json', '--allowed-origins', 'http://a.example'],
    })
    const line = JSON.parse(await scoped.line(initialized))
    expect(Object.keys(line)).toEqual(['app_id', 'instance', 'level', 'msg', 'scope', 'time', 'type', 'ver'])
    expect(await call(`${scoped.url}/v1.0/secrets/secrets/db:password`)).toMatchObject({
      status: 403,
      text: '{"errorCode":"ERR_PERMISSION_DENIED","message":"access denied by policy to get \\"db:password\\" from \\"secrets\\""}',
    })
    expect((await call(`${scoped.url}/v1.0/secrets/secrets/bulk`)).text).toBe('{"k1":{"k1":"v\\u003c1\\u003e"}}\n')
    expect((await call(`${scoped.url}/v1.0/state/statestore/a`)).status).toBe(404)
    const cors = await call(`${scoped.url}/v1.0/secrets/secrets/k1`, { headers: { Origin: 'http://a.example' } })
    expect(cors.headers.get('access-control-allow-origin')).toBe('http://a.example')
    await call(`${scoped.url}/v1.0/shutdown`, { method: 'POST' })
    expect(await scoped.exit).toBe(0)
  })
})
