/** One app, unchanged, gets one secret from each kind of store, and its state store's password comes from there too. */
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { pfx, type RedisServer, startRedisServer, startVaultServer, vaultBinary } from '@keystead/components/testing'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { addApplications, type TestApplication } from '../support/applications.ts'
import { type Finished, keysteadCommand, root, run, TestCloud } from '../support/cloud.ts'
import { startCluster, type TestCluster } from '../support/kubernetes.ts'
import { type Identity, Provisioner } from '../support/provisioner.ts'

const node = join(root, 'node_modules/node/bin/node')
const app = fileURLToPath(new URL('same-secret/app.js', import.meta.url))
const password = 'hunter2-grüße'

type Item = { readonly value: string } | { readonly secretKeyRef: { readonly name: string; readonly key: string } }

interface Component {
  readonly name: string
  readonly type: string
  readonly metadata?: Readonly<Record<string, string | Item>>
  readonly secretStore?: string
}

let cloud: TestCloud
let owner: Provisioner
let identity: Identity
let reader: TestApplication
let cluster: TestCluster
let redis: RedisServer
let folder: string
const cleanups: (() => Promise<void>)[] = []

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'same-secret-'))
  cluster = await startCluster()
  redis = await startRedisServer({ password })
  cloud = await TestCloud.start()
  const applications = await addApplications(cloud, ['keeper', 'reader'])
  reader = applications.reader
  await cloud.connect()
  owner = await Provisioner.asOwner(cloud.environment)
  const vault = await owner.vault('kv-same')
  await owner.grant(vault, 'Key Vault Secrets Officer', applications.keeper.objectId)
  await owner.grant(vault, 'Key Vault Secrets User', reader.objectId)
  await owner.setSecrets('kv-same', applications.keeper, { db: password })
  identity = await owner.identity('id-same')
  await owner.grant(vault, 'Key Vault Secrets User', identity.principalId)
  await cluster.api('POST', '/api/v1/namespaces', { metadata: { name: 'shop' } })
  await cluster.secret('shop', 'db', { db: password })
})
afterAll(async () => {
  for (const cleanup of cleanups.splice(0)) await cleanup()
  await Promise.all([cloud?.[Symbol.asyncDispose](), cluster?.close(), redis?.close()])
  await rm(folder, { recursive: true })
})

const vaultProgram = vaultBinary()

/** Each store, under the one name that the app knows. */
const stores: Readonly<Record<string, () => Promise<readonly Component[]>>> = {
  'Key Vault': async () => [keyVault({ azureClientId: identity.clientId })],

  'Vault (VAULT_BIN)': async () => {
    const server = await startVaultServer(String(vaultProgram))
    cleanups.push(server.close)
    await server.api('POST', 'secret/data/dapr/db', { data: { db: password } })
    const metadata = { vaultAddr: server.url, vaultToken: server.rootToken }
    return [{ name: 'secrets', type: 'secretstores.hashicorp.vault', metadata }]
  },

  Kubernetes: async () => [await kubernetes('secrets')],

  'a file': async () => {
    const secretsFile = join(folder, 'secrets.json')
    await writeFile(secretsFile, JSON.stringify({ db: password }))
    return [{ name: 'secrets', type: 'secretstores.local.file', metadata: { secretsFile } }]
  },

  'the environment': async () => [{ name: 'secrets', type: 'secretstores.local.env', metadata: { prefix: 'SAME_' } }],

  'Key Vault, with a PFX certificate that is in Kubernetes': async () => {
    const pem = await readFile(reader.certificatePath, 'utf8')
    const block = (label: string): string =>
      new RegExp(`-----BEGIN ${label}-----[^-]+-----END ${label}-----`).exec(pem)?.[0] ?? ''
    const file = pfx({ certificate: block('CERTIFICATE'), key: block('PRIVATE KEY') }, '', 'aes256')
    await cluster.api('POST', '/api/v1/namespaces/shop/secrets', {
      metadata: { name: 'vault-access' },
      data: { certificate: file.toString('base64') },
    })
    const azureCertificate = { secretKeyRef: { name: 'vault-access', key: 'certificate' } }
    const metadata = { azureTenantId: owner.tenantId, azureClientId: reader.clientId, azureCertificate }
    return [await kubernetes('kubernetes'), { ...keyVault(metadata), secretStore: 'kubernetes' }]
  },
}

function keyVault(metadata: NonNullable<Component['metadata']>): Component {
  return { name: 'secrets', type: 'secretstores.azure.keyvault', metadata: { vaultName: 'kv-same', ...metadata } }
}

/** Signs in as a service account that may read secrets of its namespace. */
async function kubernetes(name: string): Promise<Component> {
  const account = `reader-of-${name}`
  const token = await cluster.serviceAccountToken('shop', account)
  const roles = '/apis/rbac.authorization.k8s.io/v1/namespaces/shop'
  const rules = [{ apiGroups: [''], resources: ['secrets'], verbs: ['get'] }]
  await cluster.api('POST', `${roles}/roles`, { metadata: { name: account }, rules })
  await cluster.api('POST', `${roles}/rolebindings`, {
    metadata: { name: account },
    roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'Role', name: account },
    subjects: [{ kind: 'ServiceAccount', name: account, namespace: 'shop' }],
  })
  const kubeconfigPath = await cluster.kubeconfigFor({ token })
  return { name, type: 'secretstores.kubernetes', metadata: { kubeconfigPath, defaultNamespace: 'shop' } }
}

/** The state store, whose password is the secret that the app reads. */
const orders = (): Component => ({
  name: 'orders',
  type: 'state.redis',
  metadata: {
    redisHost: `127.0.0.1:${redis.port}`,
    redisPassword: { secretKeyRef: { name: 'db', key: 'db' } },
  },
  secretStore: 'secrets',
})

async function runApp(name: string, components: readonly Component[], protocol: string): Promise<Finished> {
  const resources = join(folder, `${name}-${protocol}`.replace(/\W+/g, '-'))
  await mkdir(resources)
  for (const { name: component, type, metadata = {}, secretStore } of components) {
    const items = Object.entries(metadata).map(([field, value]) => ({
      name: field,
      ...(typeof value === 'string' ? { value } : value),
    }))
    // JSON is YAML.
    const document = {
      apiVersion: 'dapr.io/v1alpha1',
      kind: 'Component',
      metadata: { name: component },
      spec: { type, version: 'v1', metadata: items },
      ...(secretStore !== undefined && { auth: { secretStore } }),
    }
    await writeFile(join(resources, `${component}.yaml`), JSON.stringify(document))
  }
  return run(
    keysteadCommand,
    [
      ...['run', '--data-dir', cloud.dataDirectory, '--app-id', 'orders', '--identity', identity.id],
      ...['--resources-path', resources, '--', node, app, protocol],
    ],
    { env: { ...process.env, SAME_db: password } },
  )
}

for (const [name, open] of Object.entries(stores)) {
  describe.skipIf(name.startsWith('Vault') && vaultProgram === undefined)(`from ${name}`, () =>
    describeStore(name, open),
  )
}

function describeStore(name: string, open: () => Promise<readonly Component[]>): void {
  let components: readonly Component[]
  beforeAll(async () => {
    components = await open()
  })

  test.each(['HTTP', 'GRPC'])('the app reads its secret over %s', async (protocol) => {
    const { code, stdout, stderr } = await runApp(name, [...components, orders()], protocol)
    expect(code, stderr).toBe(0)
    expect(JSON.parse(stdout.trim().split('\n').at(-1) ?? '')).toEqual({ db: password, order: { item: 'teapot' } })
    expect(stderr).not.toContain(password)
  })
}
