import type { SecureContext } from 'node:tls'

/** The local CA: constrained to the claimed suffixes, its private key readable by its owner only and sealed at rest. */
export interface CertificateAuthority {
  /** The CA's certificate, to be trusted by clients. */
  readonly certificatePem: string
  /** A server certificate for the host (one per wildcard, made when first asked, renewed before it expires). */
  secureContext(host: string): Promise<SecureContext>
}

export declare function openCertificateAuthority(options: {
  /** Where the certificate and the sealed key are kept. */
  readonly directory: string
  /** DNS suffixes the CA may sign for. */
  readonly permittedSuffixes: readonly string[]
  readonly clock: () => number
  /** Encrypts the private key before it is written, and opens it. */
  readonly seal: (plaintext: Uint8Array) => Uint8Array
  readonly open: (sealed: Uint8Array) => Uint8Array
}): Promise<CertificateAuthority>
