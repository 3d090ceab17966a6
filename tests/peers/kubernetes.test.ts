/** The Kubernetes secret store, and Vault's sign-in for Kubernetes, against a real API server. */
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createRegistry, type SecretStore } from '@keystead/components'
import { secretStoreChecks } from '@keystead/components/conformance'
import { freePort, startVaultServer, vaultBinary } from '@keystead/components/testing'
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import { run } from '../support/cloud.ts'
import { startCluster, type TestCluster } from '../support/kubernetes.ts'

let cluster: TestCluster
const cleanups: (() => Promise<void> | undefined)[] = []

beforeAll(async () => {
  cluster = await startCluster()
  await cluster.api('POST', '/api/v1/namespaces', { metadata: { name: 'shop' } })
  await cluster.secret('shop', 'db', { user: 'orders', password: 'hunter2' })
  await cluster.secret('shop', 'api', { key: 'grüße' })
  await cluster.secret('default', 'db', { password: 'of the default namespace' })
})
afterEach(async () => {
  for (const cleanup of cleanups.splice(0)) await cleanup()
})
afterAll(async () => await cluster?.close())

const signal = () => AbortSignal.timeout(30_000)

async function open(
  type: string,
  metadata: Readonly<Record<string, string>>,
  environment: Readonly<Record<string, string>> = {},
): Promise<SecretStore> {
  const factory = await createRegistry().factory(type, 'v1')
  if (factory?.block !== 'secretstores') throw new TypeError(`${type} is no secret store`)
  const store = await factory.init({ name: 'store', metadata, environment, log: () => {}, signal: signal() })
  cleanups.push(() => store.close?.())
  return store
}

const kubernetes = (metadata: Readonly<Record<string, string>>, environment?: Readonly<Record<string, string>>) =>
  open('secretstores.kubernetes', metadata, environment)

describe('secretstores.kubernetes', () => {
  let store: SecretStore
  beforeAll(async () => {
    const factory = await createRegistry().factory('secretstores.kubernetes', 'v1')
    if (factory?.block !== 'secretstores') throw new TypeError('no secret store')
    const metadata = { kubeconfigPath: cluster.kubeconfig, defaultNamespace: 'shop' }
    store = await factory.init({ name: 'store', metadata, environment: {}, log: () => {}, signal: signal() })
  })
  afterAll(async () => await store?.close?.())

  for (const check of secretStoreChecks) {
    // One secret has several values here, though the store does not say so; daprd's does not either.
    if (check.name.startsWith('gives one pair')) continue
    test(check.name, () =>
      check.run({
        store,
        secrets: { db: { user: 'orders', password: 'hunter2' }, api: { key: 'grüße' } },
        missing: 'absent',
        missingAnswer: /^secrets "absent" not found$/,
      }),
    )
  }

  test('reads in the namespace of the request, of NAMESPACE, or of its metadata, in this order', async () => {
    const metadata = { kubeconfigPath: cluster.kubeconfig, defaultNamespace: 'nowhere' }
    expect(await store.getSecret('db', { namespace: 'default' }, signal())).toEqual({
      password: 'of the default namespace',
    })
    const here = await kubernetes(metadata, { NAMESPACE: 'default' })
    expect(await here.getSecret('db', {}, signal())).toEqual({ password: 'of the default namespace' })
    const none = await kubernetes({ kubeconfigPath: cluster.kubeconfig })
    await expect(none.getSecret('db', {}, signal())).rejects.toThrow(
      'namespace is missing on metadata and NAMESPACE env variable, and no default namespace is set',
    )
  })

  test('refuses names that would lead to another path', async () => {
    for (const name of ['', '..', 'a/b', 'a%2fb']) {
      await expect(store.getSecret(name, {}, signal())).rejects.toThrow(/^resource name may not|^invalid resource name/)
    }
  })

  test('is refused with the API server’s words, until a role is given and after it was taken away', async () => {
    const token = await cluster.serviceAccountToken('shop', 'app')
    const metadata = { kubeconfigPath: await cluster.kubeconfigFor({ token }), defaultNamespace: 'shop' }
    const app = await kubernetes(metadata)
    const refusal = (verb: string, name: string) =>
      `secrets ${name}is forbidden: User "system:serviceaccount:shop:app" cannot ${verb} resource "secrets" in API group "" in the namespace "shop"`
    await expect(app.getSecret('db', {}, signal())).rejects.toThrow(refusal('get', '"db" '))
    const roles = '/apis/rbac.authorization.k8s.io/v1/namespaces/shop'
    const rules = [{ apiGroups: [''], resources: ['secrets'], resourceNames: ['db'], verbs: ['get'] }]
    await cluster.api('POST', `${roles}/roles`, { metadata: { name: 'reader' }, rules })
    await cluster.api('POST', `${roles}/rolebindings`, {
      metadata: { name: 'reader' },
      roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'Role', name: 'reader' },
      subjects: [{ kind: 'ServiceAccount', name: 'app', namespace: 'shop' }],
    })
    await expect
      .poll(() => app.getSecret('db', {}, signal()).catch(String))
      .toEqual({
        user: 'orders',
        password: 'hunter2',
      })
    await expect(app.getSecret('api', {}, signal())).rejects.toThrow(refusal('get', '"api" '))
    await expect(app.bulkGetSecret({}, signal())).rejects.toThrow(refusal('list', ''))
    await cluster.api('DELETE', `${roles}/rolebindings/reader`)
    await expect
      .poll(() => app.getSecret('db', {}, signal()).catch((error: Error) => error.message))
      .toBe(refusal('get', '"db" '))
  })

  test('with a token that nobody issued is unauthorized', async () => {
    const kubeconfigPath = await cluster.kubeconfigFor({ token: 'x' })
    const app = await kubernetes({ kubeconfigPath, defaultNamespace: 'shop' })
    await expect(app.getSecret('db', {}, signal())).rejects.toThrow('Unauthorized')
  })

  test('signs in with the token that a program of the kubeconfig gives', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'kubeconfig-'))
    cleanups.push(() => rm(folder, { recursive: true }))
    const program = async (script: string) => {
      const exec = {
        apiVersion: 'client.authentication.k8s.io/v1',
        command: process.execPath,
        args: ['-e', script],
        env: [{ name: 'TOKEN', value: await cluster.serviceAccountToken('shop', 'program') }],
      }
      const config = JSON.parse(await readFile(cluster.kubeconfig, 'utf8'))
      const kubeconfigPath = join(folder, `${crypto.randomUUID()}`)
      await writeFile(kubeconfigPath, JSON.stringify({ ...config, users: [{ name: 'test', user: { exec } }] }))
      return kubernetes({ kubeconfigPath, defaultNamespace: 'shop' })
    }
    const signedIn = await program('console.log(JSON.stringify({ status: { token: process.env.TOKEN } }))')
    await expect(signedIn.getSecret('db', {}, signal())).rejects.toThrow(
      /^secrets "db" is forbidden: User "system:serviceaccount:shop:program"/,
    )
    const silent = await program('console.log("hunter2")')
    await expect(silent.getSecret('db', {}, signal())).rejects.toThrow(/the answer has no token$/)
    const failing = await program('process.exit(3)')
    await expect(failing.getSecret('db', {}, signal())).rejects.toThrow(/failed with exit code 3$/)
  })

  test('does not take a server that another authority has signed', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'kubeconfig-'))
    cleanups.push(() => rm(folder, { recursive: true }))
    const config = {
      clusters: [{ name: 'c', cluster: { server: cluster.url } }],
      contexts: [{ name: 'c', context: { cluster: 'c', user: 'u' } }],
      users: [{ name: 'u', user: { token: 'secret-token' } }],
      'current-context': 'c',
    }
    const kubeconfigPath = join(folder, 'config')
    await writeFile(kubeconfigPath, JSON.stringify(config))
    const app = await kubernetes({ kubeconfigPath, defaultNamespace: 'shop' })
    const url = `${cluster.url}/api/v1/namespaces/shop/secrets/db`
    await expect(app.getSecret('db', {}, signal())).rejects.toThrow(
      `Get "${url}": tls: failed to verify certificate: x509: certificate signed by unknown authority`,
    )
  })

  test('without a usable kubeconfig does not load', async () => {
    await expect(kubernetes({ kubeconfigPath: '/not/there' })).rejects.toThrow(
      'stat /not/there: no such file or directory',
    )
    const folder = await mkdtemp(join(tmpdir(), 'kubeconfig-'))
    cleanups.push(() => rm(folder, { recursive: true }))
    const kubeconfigPath = join(folder, 'config')
    for (const [content, message] of [
      ['{}', /no configuration has been provided/],
      ['{"current-context":"x","contexts":[]}', /context "x" does not exist/],
      ['token: [hunter2', /it is no YAML/],
    ] as const) {
      await writeFile(kubeconfigPath, content)
      await expect(kubernetes({ kubeconfigPath })).rejects.toThrow(message)
      await expect(kubernetes({ kubeconfigPath })).rejects.not.toThrow(/hunter2/)
    }
  })

  test('works again by itself after the API server was killed and came back', async () => {
    await cluster.kill()
    await expect(store.getSecret('db', {}, signal())).rejects.toThrow(/connection refused|EOF|reset/)
    await cluster.restart()
    expect(await store.getSecret('db', {}, signal())).toEqual({ user: 'orders', password: 'hunter2' })
  })
})

test('kubectl reads the same secret', async () => {
  const { stdout } = await run(cluster.kubectl, [
    '--kubeconfig',
    cluster.kubeconfig,
    '-n',
    'shop',
    'get',
    'secret',
    'db',
    '-o',
    'json',
  ])
  expect(Buffer.from(JSON.parse(stdout).data.password, 'base64').toString()).toBe('hunter2')
})

test('anybody may read the issuer’s keys', async () => {
  const { issuer, jwks_uri } = await cluster.api('GET', '/.well-known/openid-configuration')
  expect(issuer).toBe(cluster.url)
  expect((await cluster.api('GET', new URL(jwks_uri).pathname)).keys).toHaveLength(1)
})

const vault = vaultBinary()

describe.skipIf(vault === undefined)('secretstores.hashicorp.vault (VAULT_BIN)', () => {
  test('signs in with a service account’s token', async () => {
    const server = await startVaultServer(String(vault))
    cleanups.push(server.close)
    await server.api('POST', 'secret/data/dapr/db', { data: { password: 'from the vault' } })
    await server.api('POST', 'sys/policies/acl/db', { policy: 'path "secret/*" { capabilities = ["read"] }' })
    await server.api('POST', 'sys/auth/kubernetes', { type: 'kubernetes' })
    const reviewer = await cluster.serviceAccountToken('default', 'vault')
    await cluster.api('POST', '/apis/rbac.authorization.k8s.io/v1/clusterrolebindings', {
      metadata: { name: `vault-${await freePort()}` },
      roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name: 'system:auth-delegator' },
      subjects: [{ kind: 'ServiceAccount', name: 'vault', namespace: 'default' }],
    })
    await server.api('POST', 'auth/kubernetes/config', {
      kubernetes_host: cluster.url,
      kubernetes_ca_cert: cluster.authority,
      token_reviewer_jwt: reviewer,
      disable_iss_validation: true,
    })
    await server.api('POST', 'auth/kubernetes/role/shop', {
      bound_service_account_names: ['app'],
      bound_service_account_namespaces: ['shop'],
      token_policies: ['db'],
    })
    const folder = await mkdtemp(join(tmpdir(), 'account-'))
    cleanups.push(() => rm(folder, { recursive: true }))
    const tokenPath = join(folder, 'token')
    const metadata = {
      vaultAddr: server.url,
      'keystead.io/kubernetesRole': 'shop',
      'keystead.io/kubernetesTokenPath': tokenPath,
    }
    await writeFile(tokenPath, await cluster.serviceAccountToken('shop', 'other'))
    const other = await open('secretstores.hashicorp.vault', metadata)
    await expect(other.getSecret('db', {}, signal())).rejects.toThrow(
      /couldn't sign in at auth\/kubernetes, status code 403/,
    )
    await writeFile(tokenPath, await cluster.serviceAccountToken('shop', 'app'))
    expect(await other.getSecret('db', {}, signal())).toEqual({ password: 'from the vault' })
  })
})
