/** Words a request that got no response as Go's net/http does, e.g. `Get "https://…": dial tcp 127.0.0.1:443: connect: connection refused`. */
import { tlsReason } from '../go/dial-error.ts'
import { quote } from '../go/strconv.ts'

export interface NetworkFailure {
  readonly method: string
  readonly url: string
  /** Node's error code, e.g. ECONNREFUSED. */
  readonly code: string
  /** Node's message, from which only an address, a host or a status line is taken. */
  readonly message: string
  /** The request went by way of a proxy. */
  readonly proxied: boolean
}

/** The text of Go's `url.Error`. */
export function formatNetworkError(failure: NetworkFailure): string {
  const operation = failure.method.charAt(0) + failure.method.slice(1).toLowerCase()
  // Key Vault's SDK for JavaScript escapes a hyphen that Go's leaves alone.
  const url = failure.url.replace('?api%2Dversion=', '?api-version=')
  return `${operation} ${quote(url)}: ${reason(failure)}`
}

const dialReasons: Readonly<Record<string, string>> = {
  ECONNREFUSED: 'connect: connection refused',
  EHOSTUNREACH: 'connect: no route to host',
  ENETUNREACH: 'connect: network is unreachable',
  EADDRNOTAVAIL: 'connect: cannot assign requested address',
  ETIMEDOUT: 'connect: connection timed out',
}

function reason({ url, code, message, proxied }: NetworkFailure): string {
  const dial = dialReasons[code]
  if (dial !== undefined)
    return `${proxied ? 'proxyconnect tcp: ' : ''}dial tcp ${address(message, url, proxied)}${dial}`
  const host = new URL(url).hostname
  switch (code) {
    case 'ENOTFOUND':
      return `dial tcp: lookup ${lookedUp(message, host)}: no such host`
    case 'EAI_AGAIN':
      return `dial tcp: lookup ${lookedUp(message, host)}: server misbehaving`
    case 'ECONNRESET':
      return message === 'socket hang up' ? 'EOF' : 'read: connection reset by peer'
    case 'PARSE_ERROR':
      return 'unexpected EOF'
    case 'EPIPE':
      return 'write: broken pipe'
    case 'ERR_TLS_CERT_ALTNAME_INVALID':
      return `tls: failed to verify certificate: x509: certificate is not valid for ${host}`
    case 'ERR_PROXY_TUNNEL':
      return /HTTP\/1\.\d \d{3} (.+)$/.exec(message)?.[1] ?? 'unknown status code'
  }
  return tlsReason(code) ?? message
}

/** Node says `connect ECONNREFUSED 127.0.0.1:443`; when it tried several addresses it says nothing. */
function address(message: string, url: string, proxied: boolean): string {
  const tried = /(\S+:\d+)$/.exec(message)?.[1]
  if (tried !== undefined) return `${tried}: `
  if (proxied) return ''
  const { hostname, port, protocol } = new URL(url)
  return `${hostname}:${port || (protocol === 'https:' ? '443' : '80')}: `
}

function lookedUp(message: string, host: string): string {
  return /(?:ENOTFOUND|EAI_AGAIN) (\S+)$/.exec(message)?.[1] ?? host
}
