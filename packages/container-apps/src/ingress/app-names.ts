/** The host names of apps, and what a name leads to. */
import type { AppPlace } from '../platform/platform.ts'

const AZURE_SUFFIX = '.azurecontainerapps.io'
/** Without a proxy: names below it resolve to loopback (RFC 6761 section 6.3). */
const LOCAL_SUFFIX = '.apps.keystead.localhost'

/** Names that reach the app, its labels' and revisions' aside. */
export function hostsOf({ appName, defaultDomain }: AppPlace, external: boolean): string[] {
  const internal = `${appName}.internal.${defaultDomain}`
  return external ? [`${appName}.${defaultDomain}`, internal] : [internal]
}

export interface AskedHost {
  /** The Azure name in lower case, without a port. */
  readonly host: string
  /** It was asked for by its name on this machine, which has no TLS. */
  readonly local: boolean
}

export function parseHost(asked: string): AskedHost {
  const host = asked.toLowerCase().replace(/:\d*$/, '').replace(/\.$/, '')
  if (!host.endsWith(LOCAL_SUFFIX)) return { host, local: false }
  return { host: host.slice(0, -LOCAL_SUFFIX.length) + AZURE_SUFFIX, local: true }
}

/** Splits `APP---LABEL.DOMAIN` and `APP--SUFFIX.DOMAIN`, the name of a revision. Undefined for an app's own name. */
export function splitHost(
  host: string,
): ({ readonly appHost: string } & ({ readonly label: string } | { readonly revision: string })) | undefined {
  const dot = host.indexOf('.')
  const first = host.slice(0, dot)
  const dashes = first.indexOf('--')
  if (dot < 0 || dashes <= 0) return undefined
  const appHost = first.slice(0, dashes) + host.slice(dot)
  return first[dashes + 2] === '-' ? { appHost, label: first.slice(dashes + 3) } : { appHost, revision: first }
}
