/** A sidecar in Kubernetes mode, whose built-in secret store asks a real API server that knows what the account may. */
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { freePort } from '@keystead/components/testing'
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest'
import { sidecarCommand } from '../support/cloud.ts'
import { startCluster, type TestCluster } from '../support/kubernetes.ts'
import { Started } from '../support/started.ts'

const roles = '/apis/rbac.authorization.k8s.io/v1/namespaces/shop'

let cluster: TestCluster
/** Of the service account `app`, which may read and list the secrets of its namespace. */
let kubeconfig: string
let folder: string
let http: number
let sidecar: Started | undefined

beforeAll(async () => {
  cluster = await startCluster()
  await cluster.api('POST', '/api/v1/namespaces', { metadata: { name: 'shop' } })
  await cluster.secret('shop', 'db', { user: 'orders', password: 'hunter2' })
  await cluster.secret('shop', 'api', { key: 'grüße' })
  await cluster.secret('default', 'db', { password: 'of another namespace' })
  kubeconfig = await cluster.kubeconfigFor({ token: await cluster.serviceAccountToken('shop', 'app') })
  const rules = [{ apiGroups: [''], resources: ['secrets'], verbs: ['get', 'list'] }]
  await cluster.api('POST', `${roles}/roles`, { metadata: { name: 'reader' }, rules })
  await bind()
})
afterAll(async () => await cluster?.close())

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'kubernetes-mode-'))
})
afterEach(async () => {
  await sidecar?.[Symbol.asyncDispose]()
  sidecar = undefined
  await rm(folder, { recursive: true })
})

async function bind(): Promise<void> {
  await cluster.api('POST', `${roles}/rolebindings`, {
    metadata: { name: 'reader' },
    roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'Role', name: 'reader' },
    subjects: [{ kind: 'ServiceAccount', name: 'app', namespace: 'shop' }],
  })
}

/** Its connection string is a secret, and no secret store is named. */
async function writeOrders(name: string): Promise<void> {
  await cluster.secret('shop', `file-of-${name}`, { path: join(folder, `${name}.db`) })
  const metadata = [{ name: 'connectionString', secretKeyRef: { name: `file-of-${name}`, key: 'path' } }]
  const document = {
    apiVersion: 'dapr.io/v1alpha1',
    kind: 'Component',
    metadata: { name },
    spec: { type: 'state.sqlite', version: 'v1', metadata },
  }
  // JSON is YAML.
  await writeFile(join(folder, `${name}.yaml`), JSON.stringify(document))
}

async function start(args: readonly string[] = [], environment: NodeJS.ProcessEnv = {}): Promise<Started> {
  http = await freePort()
  const flags = {
    ...{ mode: 'kubernetes', 'app-id': 'orders', 'resources-path': folder, 'dapr-listen-addresses': '127.0.0.1' },
    ...{ 'dapr-http-port': http, 'dapr-grpc-port': await freePort(), 'metrics-port': await freePort() },
  }
  const given = Object.entries(flags).map(([name, value]) => `--${name}=${value}`)
  sidecar = new Started(sidecarCommand, [...given, ...args], {
    env: {
      ...process.env,
      ...{ KUBECONFIG: kubeconfig, NAMESPACE: 'shop', DAPR_UNSAFE_SKIP_CONTAINER_UID_GID_CHECK: 'true' },
      ...environment,
    },
  })
  return sidecar
}

async function get(path: string): Promise<{ readonly status: number; readonly body: unknown }> {
  const answer = await fetch(`http://127.0.0.1:${http}${path}`)
  return { status: answer.status, body: await answer.json() }
}

const forbidden = (verb: string, name: string, namespace = 'shop') =>
  `secrets ${name}is forbidden: User "system:serviceaccount:shop:app" cannot ${verb} resource "secrets" in API group "" in the namespace "${namespace}"`

test('gives secrets of its namespace, and fills in those of components that name no store', async () => {
  await writeOrders('carts')
  const running = await start()
  await running.until(/dapr initialized/)
  expect(await get('/v1.0/secrets/kubernetes/db')).toEqual({
    status: 200,
    body: { user: 'orders', password: 'hunter2' },
  })
  expect((await get('/v1.0/secrets/kubernetes/bulk')).body).toMatchObject({
    api: { key: 'grüße' },
    db: { user: 'orders' },
  })
  const saved = await fetch(`http://127.0.0.1:${http}/v1.0/state/carts`, {
    method: 'POST',
    body: '[{"key":"a","value":"teapot"}]',
  })
  expect(saved.status).toBe(204)
  expect((await readFile(join(folder, 'carts.db'))).includes('SQLite format 3')).toBe(true)
  expect((await get('/v1.0/metadata')).body).toMatchObject({
    components: expect.arrayContaining([{ name: 'kubernetes', type: 'secretstores.kubernetes', version: 'v1' }]),
  })
  expect(running.stdout).toContain("The API of Dapr's operator is not implemented")
  expect(running.stdout).toContain('Initialized name resolution to kubernetes')
  expect(running.stdout).not.toContain('hunter2')
})

test('keeps the built-in store when component files change', async () => {
  const running = await start()
  await running.until(/Starting to watch Component updates/)
  await writeOrders('later')
  await running.until(/Component updated: later/)
  expect((await get('/v1.0/secrets/kubernetes/db')).status).toBe(200)
})

test('says in the server’s words what the account may not', async () => {
  const running = await start()
  await running.until(/dapr initialized/)
  const refusal = (reason: string) => ({
    status: 500,
    body: {
      errorCode: 'ERR_SECRET_GET',
      message: `failed getting secret with key db from secret store kubernetes: ${reason}`,
    },
  })
  expect(await get('/v1.0/secrets/kubernetes/db?metadata.namespace=default')).toMatchObject(
    refusal(forbidden('get', '"db" ', 'default')),
  )
  await cluster.api('DELETE', `${roles}/rolebindings/reader`)
  try {
    await expect.poll(() => get('/v1.0/secrets/kubernetes/db')).toMatchObject(refusal(forbidden('get', '"db" ')))
    expect((await get('/v1.0/secrets/kubernetes/bulk')).body).toMatchObject({
      message: expect.stringContaining(forbidden('list', '')),
    })
  } finally {
    await bind()
  }
  await expect.poll(() => get('/v1.0/secrets/kubernetes/db')).toMatchObject({ status: 200 })
})

test('holds to the scopes of the configuration', async () => {
  const configuration = join(folder, 'configuration')
  const spec = { secrets: { scopes: [{ storeName: 'kubernetes', defaultAccess: 'deny', allowedSecrets: ['api'] }] } }
  await writeFile(
    configuration,
    JSON.stringify({ apiVersion: 'dapr.io/v1alpha1', kind: 'Configuration', metadata: { name: 'scoped' }, spec }),
  )
  const running = await start([`--config=${configuration}`])
  await running.until(/dapr initialized/)
  expect((await get('/v1.0/secrets/kubernetes/api')).status).toBe(200)
  expect(await get('/v1.0/secrets/kubernetes/db')).toMatchObject({
    status: 403,
    body: { errorCode: 'ERR_PERMISSION_DENIED' },
  })
})

test('without the built-in store has no secrets, and a component that needs one waits', async () => {
  await writeOrders('waiting')
  const running = await start(['--disable-builtin-k8s-secret-store'])
  await running.until(/dapr initialized/)
  expect(running.stdout).toContain("Component waiting references a secret store that isn't loaded: kubernetes")
  expect(await get('/v1.0/secrets/kubernetes/db')).toMatchObject({
    status: 500,
    body: { errorCode: 'ERR_SECRET_STORES_NOT_CONFIGURED' },
  })
})

test('outside any cluster does not start', async () => {
  const running = await start([], { KUBECONFIG: '/not/there' })
  expect((await running.ended).code).toBe(1)
  expect(running.stdout).toMatch(
    /initialization error occurred for kubernetes \(secretstores\.kubernetes\/v1\).*stat \/not\/there: no such file or directory/,
  )
})

test('runs as root only when it is told to', async () => {
  const running = await start([], { DAPR_UNSAFE_SKIP_CONTAINER_UID_GID_CHECK: '' })
  const userId = process.geteuid?.()
  if (userId !== 0) {
    await running.until(new RegExp(`Running in Kubernetes environment as user ${userId}`))
    return
  }
  expect((await running.ended).code).toBe(1)
  expect(running.stdout).toContain('Fatal error from runtime: current user UID(0) is root.')
})
