/** The environment variables by which an unmodified client uses the gateway and trusts its authority. */
import { BlockList, isIPv4 } from 'node:net'

/** What an inherited NO_PROXY must not let past the gateway: a token made here would reach the real service. */
const CLAIMED = [
  'login.microsoftonline.com',
  'management.azure.com',
  'graph.microsoft.com',
  'vault.azure.net',
  'blob.core.windows.net',
  'queue.core.windows.net',
  'api.loganalytics.io',
  'azurecontainerapps.io',
  'azurecontainerapps.dev',
  'azurecr.io',
] as const
const INSTANCE_METADATA_HOST = '169.254.169.254'
const LOOPBACK = ['localhost', '127.0.0.1', '::1'] as const

export interface ClientEnvironmentOptions {
  readonly gatewayPort: number
  /** The system's roots with ours, as `caBundle` makes it. */
  readonly bundlePath: string
  /** Our certificate alone, for variables that add to the roots; the bundle serves as well. */
  readonly caPath?: string
  /** The bundle as a Java trust store (see `javaTrustStore`): with it, JAVA_TOOL_OPTIONS is set. */
  readonly javaTrustStorePath?: string
  /** The host suffixes of this cloud; by default every one that Keystead knows. */
  readonly claimedSuffixes?: readonly string[]
  /** The environment the variables are added to: its NO_PROXY and JAVA_TOOL_OPTIONS are kept, as far as they can be. */
  readonly existing: Readonly<Record<string, string | undefined>>
}

/**
 * The variables, none of them secret. Proxy variables come in both cases, since curl reads only http_proxy and others
 * prefer one of the two. An inherited NO_PROXY is kept except for what would lead a claimed name or the instance
 * metadata address past the gateway. ALL_PROXY is left alone: the two specific variables win over it.
 */
export function clientEnvironment(options: ClientEnvironmentOptions): Record<string, string> {
  const { existing, gatewayPort } = options
  const proxy = `http://127.0.0.1:${gatewayPort}`
  const noProxy = mergeNoProxy(existing, options.claimedSuffixes ?? CLAIMED)
  return {
    HTTPS_PROXY: proxy,
    https_proxy: proxy,
    HTTP_PROXY: proxy,
    http_proxy: proxy,
    NO_PROXY: noProxy,
    no_proxy: noProxy,
    ...trustEnvironment(options),
    NODE_USE_ENV_PROXY: '1',
    ...(options.javaTrustStorePath === undefined
      ? {}
      : { JAVA_TOOL_OPTIONS: javaToolOptions(gatewayPort, options.javaTrustStorePath, noProxy, existing) }),
  }
}

/**
 * The variables of a client that uses no proxy of ours, but names under `.keystead.localhost`: it trusts the authority,
 * and goes to loopback past whatever proxy there is.
 */
export function directEnvironment(
  options: Pick<ClientEnvironmentOptions, 'bundlePath' | 'caPath' | 'existing'>,
): Record<string, string> {
  const inherited = (options.existing.NO_PROXY || options.existing.no_proxy)?.split(/[\s,]+/) ?? []
  const noProxy = [...new Set([...LOOPBACK, '.localhost', ...inherited])].filter((entry) => entry !== '').join(',')
  return { NO_PROXY: noProxy, no_proxy: noProxy, ...trustEnvironment(options) }
}

function trustEnvironment({
  bundlePath,
  caPath,
  existing,
}: Pick<ClientEnvironmentOptions, 'bundlePath' | 'caPath' | 'existing'>): Record<string, string> {
  return {
    // Python's requests, which az and the Python SDKs use.
    REQUESTS_CA_BUNDLE: bundlePath,
    CURL_CA_BUNDLE: bundlePath,
    // OpenSSL, and with it Go, Ruby, .NET and Python's ssl.
    SSL_CERT_FILE: bundlePath,
    GRPC_DEFAULT_SSL_ROOTS_FILE_PATH: bundlePath,
    // Node adds these to its own roots; an inherited file is in the bundle, so the bundle must take its place.
    NODE_EXTRA_CA_CERTS: existing.NODE_EXTRA_CA_CERTS || !caPath ? bundlePath : caPath,
  }
}

function mergeNoProxy(
  existing: Readonly<Record<string, string | undefined>>,
  claimedSuffixes: readonly string[],
): string {
  const inherited = [existing.NO_PROXY, existing.no_proxy].flatMap((list) => list?.split(/[\s,]+/) ?? [])
  const kept = inherited.filter((entry) => entry !== '' && !leadsPastGateway(entry, claimedSuffixes))
  return [...new Set([...LOOPBACK, ...kept])].join(',')
}

function leadsPastGateway(entry: string, claimedSuffixes: readonly string[]): boolean {
  const slash = entry.indexOf('/')
  if (slash > 0) return coversInstanceMetadata(entry.slice(0, slash), entry.slice(slash + 1))
  const host = entry
    .toLowerCase()
    .replace(/:\d+$/, '')
    .replace(/^(\*?\.)+/, '')
    .replace(/\.$/, '')
  if (host === '*' || host === '' || host === INSTANCE_METADATA_HOST) return true
  return claimedSuffixes.some(
    (claimed) => claimed === host || claimed.endsWith(`.${host}`) || host.endsWith(`.${claimed}`),
  )
}

function coversInstanceMetadata(network: string, prefix: string): boolean {
  if (!isIPv4(network) || !/^\d{1,2}$/.test(prefix) || Number(prefix) > 32) return false
  const range = new BlockList()
  range.addSubnet(network, Number(prefix), 'ipv4')
  return range.check(INSTANCE_METADATA_HOST, 'ipv4')
}

/** The JVM reads no proxy or CA variable; it reads this one, and says so on standard error. */
function javaToolOptions(
  port: number,
  trustStorePath: string,
  noProxy: string,
  existing: Readonly<Record<string, string | undefined>>,
): string {
  const nonProxyHosts = noProxy
    .split(',')
    .filter((entry) => !entry.includes('/'))
    .map((entry) => (entry.startsWith('.') ? `*${entry}` : entry === '::1' ? '[::1]' : entry))
    .join('|')
  const inherited = existing.JAVA_TOOL_OPTIONS?.split(/\s+/).filter(
    (option) => option !== '' && !/^-D(https?\.proxy|http\.nonProxyHosts|javax\.net\.ssl\.trustStore)/.test(option),
  )
  return [
    ...(inherited ?? []),
    ...['http', 'https'].flatMap((scheme) => [`-D${scheme}.proxyHost=127.0.0.1`, `-D${scheme}.proxyPort=${port}`]),
    `-Dhttp.nonProxyHosts=${nonProxyHosts}`,
    `-Djavax.net.ssl.trustStore=${quoted(trustStorePath)}`,
    '-Djavax.net.ssl.trustStoreType=PKCS12',
  ].join(' ')
}

/** The JVM splits the variable at spaces outside of quotes. */
function quoted(path: string): string {
  return /\s/.test(path) ? `"${path}"` : path
}
