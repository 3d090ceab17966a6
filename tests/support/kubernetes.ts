/** A Kubernetes API server over etcd for the length of a test file: the real ones, with roles on and no nodes. */
import { generateKeyPairSync } from 'node:crypto'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { Agent, request } from 'node:https'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { json } from 'node:stream/consumers'
import {
  clientOf,
  freePort,
  type IssuedCertificate,
  type ServerProcess,
  selfSigned,
  serverProgram,
  signedBy,
  startServer,
} from '@keystead/components/testing'
import { vi } from 'vitest'
import { root, run, succeed } from './cloud.ts'
import { builtPeer } from './peer-build.ts'

const sources = join(root, 'tests/peers/kubernetes')

export interface KubernetesPrograms {
  readonly apiserver: string
  readonly kubectl: string
}

/** Takes minutes the first time. */
export async function kubernetesPrograms(): Promise<KubernetesPrograms> {
  const built = await builtPeer({
    name: 'kubernetes',
    sources,
    tools: [['go', 'version']],
    needs: 'Go 1.25 or newer (https://go.dev/dl)',
    build: async (output) => {
      const version = 'k8s.io/component-base/version'
      const flags = `-s -w -X ${version}.gitVersion=v1.34.1 -X ${version}.gitMajor=1 -X ${version}.gitMinor=34`
      const args = ['-n', '10', 'go', 'build', '-trimpath', '-ldflags', flags, '-o', `${output}/`]
      await succeed(run('nice', [...args, './apiserver', './kubectl'], { cwd: sources }))
    },
  })
  return { apiserver: join(built, 'apiserver'), kubectl: join(built, 'kubectl') }
}

/** How somebody signs in to the cluster. */
export type ClusterUser = { readonly token: string } | IssuedCertificate

// biome-ignore lint/suspicious/noExplicitAny: what a test reads of an object is its own affair
type Body = any

export interface TestCluster {
  /** Also the issuer of service accounts' tokens, whose discovery documents everybody may read. */
  readonly url: string
  /** PEM of the authority that signed the server's certificate. */
  readonly authority: string
  readonly kubectl: string
  /** Path of a kubeconfig of the group system:masters. */
  readonly kubeconfig: string
  /** Writes a kubeconfig for another user, and answers its path. */
  kubeconfigFor(user: ClusterUser): Promise<string>
  /** A certificate for a user of these groups, which has the rights that roles give it. */
  user(name: string, group?: string): IssuedCertificate
  /** A call as system:masters, e.g. `api('POST', '/api/v1/namespaces', {metadata: {name: 'shop'}})`. Rejects on a refusal. */
  api(method: string, path: string, body?: unknown): Promise<Body>
  secret(namespace: string, name: string, values: Readonly<Record<string, string>>): Promise<void>
  /** A token of a service account, which is made where it is missing; for the server itself unless audiences are named. */
  serviceAccountToken(namespace: string, name: string, audiences?: readonly string[]): Promise<string>
  /** Ends the API server the way a crash does; etcd goes on. */
  kill(): Promise<void>
  restart(): Promise<void>
  close(): Promise<void>
}

export async function startCluster(): Promise<TestCluster> {
  const { apiserver, kubectl } = await kubernetesPrograms()
  const folder = await mkdtemp(join(tmpdir(), 'kubernetes-'))
  const [port, etcdPort, peerPort] = [await freePort(), await freePort(), await freePort()]
  const url = `https://127.0.0.1:${port}`
  const authority = selfSigned('cluster authority')
  const admin = clientOf(authority, 'admin', 'system:masters')
  const write = async (name: string, content: string): Promise<string> => {
    const path = join(folder, name)
    await writeFile(path, content, { mode: 0o600 })
    return path
  }
  const kubeconfigFor = (user: ClusterUser, name = `${crypto.randomUUID()}.kubeconfig`): Promise<string> =>
    write(name, kubeconfig(url, authority.certificate, user))

  const etcd = await startEtcd(join(folder, 'etcd'), etcdPort, peerPort)
  const arguments_ = await apiServerArguments({ port, etcdPort, url, folder, authority, write })
  const start = (): Promise<ServerProcess> => startServer(apiserver, arguments_, /Serving securely/, { cwd: folder })
  const api = apiOf(url, authority, admin)
  const ready = (): Promise<unknown> => vi.waitFor(() => api('GET', '/readyz'), { timeout: 60_000, interval: 100 })
  let server: ServerProcess | undefined
  const close = async (): Promise<void> => {
    await server?.kill()
    await etcd.kill()
    await rm(folder, { recursive: true })
  }
  try {
    server = await start()
    await ready()
    await api('POST', '/apis/rbac.authorization.k8s.io/v1/clusterrolebindings', openDiscovery)
  } catch (error) {
    await close()
    throw error
  }

  return {
    url,
    authority: authority.certificate,
    kubectl,
    kubeconfig: await kubeconfigFor(admin, 'admin.kubeconfig'),
    kubeconfigFor,
    user: (name, group = 'testers') => clientOf(authority, name, group),
    api,
    async secret(namespace, name, stringData) {
      await api('POST', `/api/v1/namespaces/${namespace}/secrets`, { metadata: { name }, stringData })
    },
    async serviceAccountToken(namespace, name, audiences) {
      const accounts = `/api/v1/namespaces/${namespace}/serviceaccounts`
      await api('POST', accounts, { metadata: { name } }).catch((error: Error) => {
        if (!error.message.includes('already exists')) throw error
      })
      const spec = { ...(audiences && { audiences }), expirationSeconds: 3600 }
      return (await api('POST', `${accounts}/${name}/token`, { spec })).status.token
    },
    kill: async () => await server?.kill(),
    async restart() {
      server = await start()
      await ready()
    },
    close,
  }
}

/** The issuer's documents hold public keys only; an external verifier such as a cloud has no account here. */
const openDiscovery = {
  metadata: { name: 'open-discovery' },
  roleRef: {
    apiGroup: 'rbac.authorization.k8s.io',
    kind: 'ClusterRole',
    name: 'system:service-account-issuer-discovery',
  },
  subjects: [{ apiGroup: 'rbac.authorization.k8s.io', kind: 'Group', name: 'system:unauthenticated' }],
}

function startEtcd(folder: string, port: number, peerPort: number): Promise<ServerProcess> {
  const [client, peer] = [`http://127.0.0.1:${port}`, `http://127.0.0.1:${peerPort}`]
  return startServer(
    serverProgram('etcd'),
    [
      ...['--data-dir', folder, '--unsafe-no-fsync'],
      ...['--listen-client-urls', client, '--advertise-client-urls', client],
      ...['--listen-peer-urls', peer, '--initial-advertise-peer-urls', peer, '--initial-cluster', `default=${peer}`],
    ],
    /ready to serve client requests|serving insecure client requests/i,
    { cwd: tmpdir() },
  )
}

async function apiServerArguments(options: {
  readonly port: number
  readonly etcdPort: number
  readonly url: string
  readonly folder: string
  readonly authority: IssuedCertificate
  readonly write: (name: string, content: string) => Promise<string>
}): Promise<string[]> {
  const { port, etcdPort, url, folder, authority, write } = options
  const serving = signedBy(authority, ['127.0.0.1', 'localhost', 'kubernetes.default.svc'])
  const accounts = generateKeyPairSync('rsa', {
    modulusLength: 2048,
    publicKeyEncoding: { type: 'spki', format: 'pem' },
    privateKeyEncoding: { type: 'pkcs8', format: 'pem' },
  })
  const settings = {
    'bind-address': '127.0.0.1',
    'secure-port': port,
    'cert-dir': folder,
    'etcd-servers': `http://127.0.0.1:${etcdPort}`,
    'tls-cert-file': await write('server.pem', serving.certificate),
    'tls-private-key-file': await write('server.key', serving.key),
    'client-ca-file': await write('authority.pem', authority.certificate),
    'authorization-mode': 'RBAC',
    'service-account-issuer': url,
    'service-account-key-file': await write('accounts.pem', accounts.publicKey),
    'service-account-signing-key-file': await write('accounts.key', accounts.privateKey),
    'service-cluster-ip-range': '10.0.0.0/24',
    // There is no other API server, and no controller that makes every namespace's default account.
    'endpoint-reconciler-type': 'none',
    'disable-admission-plugins': 'ServiceAccount',
    v: 2,
  }
  return Object.entries(settings).map(([name, value]) => `--${name}=${value}`)
}

function kubeconfig(server: string, authority: string, user: ClusterUser): string {
  const base64 = (pem: string): string => Buffer.from(pem).toString('base64')
  const signIn =
    'token' in user
      ? { token: user.token }
      : { 'client-certificate-data': base64(user.certificate), 'client-key-data': base64(user.key) }
  // JSON is YAML.
  return JSON.stringify({
    apiVersion: 'v1',
    kind: 'Config',
    clusters: [{ name: 'test', cluster: { server, 'certificate-authority-data': base64(authority) } }],
    users: [{ name: 'test', user: signIn }],
    contexts: [{ name: 'test', context: { cluster: 'test', user: 'test' } }],
    'current-context': 'test',
  })
}

function apiOf(url: string, authority: IssuedCertificate, admin: IssuedCertificate): TestCluster['api'] {
  const agent = new Agent({ ca: authority.certificate, cert: admin.certificate, key: admin.key })
  return (method, path, body) =>
    new Promise((resolve, reject) => {
      const sent = request(new URL(path, url), { method, agent, headers: { 'Content-Type': 'application/json' } })
      sent.on('error', reject)
      sent.on('response', (response) => {
        if (path.startsWith('/readyz')) {
          response.resume()
          if (response.statusCode === 200) resolve({})
          else reject(new Error(`not ready: ${response.statusCode}`))
          return
        }
        json(response).then((answer) => {
          if ((response.statusCode ?? 500) < 300) resolve(answer)
          else reject(new Error(`${method} ${path}: ${JSON.stringify(answer)}`))
        }, reject)
      })
      sent.end(body === undefined ? undefined : JSON.stringify(body))
    })
}
