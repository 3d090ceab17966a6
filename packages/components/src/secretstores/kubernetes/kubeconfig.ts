/** How to reach and sign in to an API server: from inside a pod, or by a kubeconfig file (client-go's rules). */
import { readFile } from 'node:fs/promises'
import { homedir } from 'node:os'
import { dirname, join, resolve } from 'node:path'
import type { ConnectionOptions } from 'node:tls'
import { ComponentError } from '../../component-error.ts'
import { goFileErrorText } from '../../go/file-error.ts'
import { programToken } from './program-token.ts'

export interface ClusterAccess {
  readonly server: string
  readonly tls: ConnectionOptions
  /** The value of the Authorization header; undefined with a client certificate or without any sign-in. */
  authorization(): Promise<string | undefined>
  /** The server did not take it: a token from a file is read again for the next call. */
  refused(): void
}

type Environment = Readonly<Record<string, string | undefined>>

const podFolder = '/var/run/secrets/kubernetes.io/serviceaccount'
/** Kubernetes renews a pod's token long before it expires, so it is read again now and then. */
const tokenAgeMs = 60_000

/**
 * @param folder where a pod finds its service account's token and the server's authority
 * @throws ComponentError with client-go's words
 */
export async function clusterAccess(
  environment: Environment,
  kubeconfigPath: string,
  folder = podFolder,
): Promise<ClusterAccess> {
  const { KUBERNETES_SERVICE_HOST: host, KUBERNETES_SERVICE_PORT: port } = environment
  if (host && port) {
    const ca = await readFile(join(folder, 'ca.crt'), 'utf8').catch(() => undefined)
    const tokenFile = join(folder, 'token')
    const token = fileToken(tokenFile)
    if ((await token.authorization().catch(() => undefined)) !== undefined) {
      const server = `https://${host.includes(':') ? `[${host}]` : host}:${port}`
      return { server, tls: { ...(ca !== undefined && { ca }) }, ...token }
    }
  }
  return fromKubeconfig(kubeconfigPath || environment.KUBECONFIG || join(homedir(), '.kube/config'))
}

/** client-go's word for a file without what is needed. */
const nothing =
  'invalid configuration: no configuration has been provided, try setting KUBERNETES_MASTER environment variable'

async function fromKubeconfig(path: string): Promise<ClusterAccess> {
  const config = await readConfig(path)
  const context = named(config.contexts, config['current-context'], 'context')
  const cluster = named(config.clusters, context?.cluster, 'cluster')
  const user = named(config.users, context?.user, 'user')
  const server = text(cluster?.server)
  if (server === undefined || !URL.canParse(server)) throw new ComponentError(nothing)
  if (user?.['auth-provider'] !== undefined) {
    throw new ComponentError('invalid configuration: sign-in by auth-provider is not implemented')
  }
  const folder = dirname(resolve(path))
  const ca = await material(cluster, 'certificate-authority', folder)
  const cert = await material(user, 'client-certificate', folder)
  const key = await material(user, 'client-key', folder)
  const servername = text(cluster?.['tls-server-name'])
  return {
    server,
    tls: {
      ...(ca !== undefined && { ca }),
      ...(cert !== undefined && key !== undefined && { cert, key }),
      ...(servername !== undefined && { servername }),
      ...(cluster?.['insecure-skip-tls-verify'] === true && { rejectUnauthorized: false }),
    },
    ...signIn(user, folder),
  }
}

type Fields = Readonly<Record<string, unknown>>

async function readConfig(path: string): Promise<Fields> {
  let content: string
  try {
    content = await readFile(path, 'utf8')
  } catch (error) {
    throw new ComponentError(goFileErrorText(path, error).replace(/^open /, 'stat '))
  }
  try {
    const { parse } = await import('yaml')
    const config: unknown = parse(content)
    if (isFields(config)) return config
  } catch {
    // The parser's words would quote the file, which holds credentials.
    throw new ComponentError(`error loading config file "${path}": it is no YAML`)
  }
  throw new ComponentError(nothing)
}

/** The entry of a list by its name: `{name, cluster: {…}}`. */
function named(list: unknown, name: unknown, kind: string): Fields | undefined {
  if (name === undefined || name === '' || name === null) return undefined
  const entry = Array.isArray(list) ? list.find((item) => isFields(item) && item.name === name) : undefined
  const fields = isFields(entry) ? entry[kind] : undefined
  if (isFields(fields)) return fields
  if (kind === 'user' && entry !== undefined) return {}
  throw new ComponentError(`invalid configuration: ${kind} "${String(name)}" does not exist`)
}

/** A field is either a path, relative to the kubeconfig, or data in base64. */
async function material(fields: Fields | undefined, name: string, folder: string): Promise<string | undefined> {
  const data = text(fields?.[`${name}-data`])
  if (data !== undefined) return Buffer.from(data, 'base64').toString('utf8')
  const path = text(fields?.[name])
  if (path === undefined) return undefined
  try {
    return await readFile(resolve(folder, path), 'utf8')
  } catch (error) {
    const why = goFileErrorText(resolve(folder, path), error)
    throw new ComponentError(`invalid configuration: unable to read ${name} ${path}: ${why}`)
  }
}

type SignIn = Pick<ClusterAccess, 'authorization' | 'refused'>

function signIn(user: Fields | undefined, folder: string): SignIn {
  const refused = (): void => {}
  if (isFields(user?.exec)) {
    const token = programToken(user.exec, folder)
    return { authorization: async () => `Bearer ${await token()}`, refused }
  }
  const tokenFile = text(user?.tokenFile)
  if (tokenFile !== undefined) return fileToken(resolve(folder, tokenFile))
  const token = text(user?.token)
  if (token !== undefined) return { authorization: async () => `Bearer ${token}`, refused }
  const [name, password] = [text(user?.username), text(user?.password)]
  if (name === undefined || password === undefined) return { authorization: async () => undefined, refused }
  const basic = `Basic ${Buffer.from(`${name}:${password}`).toString('base64')}`
  return { authorization: async () => basic, refused }
}

function fileToken(path: string): SignIn {
  let read: { readonly header: string; readonly at: number } | undefined
  return {
    async authorization() {
      if (read !== undefined && performance.now() - read.at < tokenAgeMs) return read.header
      try {
        read = { header: `Bearer ${(await readFile(path, 'utf8')).trim()}`, at: performance.now() }
      } catch (error) {
        throw new ComponentError(`failed to read token file "${path}": ${goFileErrorText(path, error)}`)
      }
      return read.header
    },
    refused() {
      read = undefined
    },
  }
}

function text(value: unknown): string | undefined {
  return typeof value === 'string' && value !== '' ? value : undefined
}

function isFields(value: unknown): value is Fields {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
