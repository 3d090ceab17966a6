/** Words a connection that could not be made as Go's net package does, e.g. `dial tcp 127.0.0.1:6379: connect: connection refused`. */

const dialReasons: Readonly<Record<string, string>> = {
  ECONNREFUSED: 'connect: connection refused',
  EHOSTUNREACH: 'connect: no route to host',
  ENETUNREACH: 'connect: network is unreachable',
  EADDRNOTAVAIL: 'connect: cannot assign requested address',
  ETIMEDOUT: 'i/o timeout',
  ENOENT: 'connect: no such file or directory',
}

const untrusted = 'tls: failed to verify certificate: x509: certificate signed by unknown authority'

const tlsReasons: Readonly<Record<string, string>> = {
  ERR_SSL_WRONG_VERSION_NUMBER: 'tls: first record does not look like a TLS handshake',
  ERR_SSL_PACKET_LENGTH_TOO_LONG: 'tls: first record does not look like a TLS handshake',
  CERT_SIGNATURE_FAILURE: untrusted,
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: untrusted,
  UNABLE_TO_GET_ISSUER_CERT: untrusted,
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY: untrusted,
  SELF_SIGNED_CERT_IN_CHAIN: untrusted,
  DEPTH_ZERO_SELF_SIGNED_CERT: untrusted,
  CERT_HAS_EXPIRED: 'tls: failed to verify certificate: x509: certificate has expired or is not yet valid',
  CERT_NOT_YET_VALID: 'tls: failed to verify certificate: x509: certificate has expired or is not yet valid',
}

/** What Go says of a TLS connection that Node refused with this code. */
export function tlsReason(code: string): string | undefined {
  return tlsReasons[code]
}

/** @param address where the connection was to go, for an error that does not say it */
export function dialError(error: Error, address: { readonly host: string; readonly port: number } | undefined): string {
  const { code = '' } = error as NodeJS.ErrnoException
  const host = address?.host ?? ''
  const dial = dialReasons[code]
  if (dial !== undefined) {
    if (host.startsWith('/')) return `dial unix ${host}: ${dial}`
    const tried = /(\S+:\d+)$/.exec(error.message)?.[1] ?? (address ? `${host}:${address.port}` : '')
    return `dial tcp ${tried}: ${dial}`
  }
  if (code === 'ENOTFOUND') return `dial tcp: lookup ${host}: no such host`
  if (code === 'EAI_AGAIN') return `dial tcp: lookup ${host}: server misbehaving`
  if (code === 'ERR_TLS_CERT_ALTNAME_INVALID') {
    return `tls: failed to verify certificate: x509: certificate is not valid for ${host}`
  }
  if (code === 'ECONNRESET') return 'EOF'
  if (code === 'EPIPE') return 'write: broken pipe'
  return tlsReason(code) ?? error.message
}
