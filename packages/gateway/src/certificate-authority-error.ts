/** Why the local certificate authority could not be opened or could not sign. */
export type CertificateAuthorityErrorCode =
  /** The sealed key on disk does not open with this master key. */
  | 'KEY_NOT_OPENED'
  /** The sealed key opens, but what is inside is not a key and its certificate. */
  | 'DAMAGED'
  /** The directory or a file in it can not be read or written. */
  | 'FILE'
  /** The host is not below a suffix that the authority may sign for. */
  | 'HOST_NOT_PERMITTED'
  /** The authority's certificate ran out while the process was running. */
  | 'EXPIRED'

/** Thrown by the local certificate authority; `message` says what to do next. */
export class CertificateAuthorityError extends Error {
  readonly code: CertificateAuthorityErrorCode

  constructor(code: CertificateAuthorityErrorCode, message: string, options?: ErrorOptions) {
    super(message, options)
    this.name = 'CertificateAuthorityError'
    this.code = code
  }
}
