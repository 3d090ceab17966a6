/** The status that ends a call. */

/** Codes by the names that Go, Dapr's metrics and its logs have for them. */
export const codes = {
  OK: 0,
  Canceled: 1,
  Unknown: 2,
  InvalidArgument: 3,
  DeadlineExceeded: 4,
  NotFound: 5,
  AlreadyExists: 6,
  PermissionDenied: 7,
  ResourceExhausted: 8,
  FailedPrecondition: 9,
  Aborted: 10,
  OutOfRange: 11,
  Unimplemented: 12,
  Internal: 13,
  Unavailable: 14,
  DataLoss: 15,
  Unauthenticated: 16,
} as const

export type CodeName = keyof typeof codes

export interface Status {
  readonly code: CodeName
  readonly message: string
  /** A number that is none of gRPC's, as some app made it up: it is passed on. */
  readonly unknownCode?: number
  /** A serialized google.rpc.Status, where the error has details. */
  readonly details?: Uint8Array
}

export const ok: Status = Object.freeze({ code: 'OK', message: '' })

/** A refusal on its way to the caller. */
export class StatusError extends Error {
  override readonly name = 'StatusError'
  readonly status: Status

  constructor(code: CodeName, message: string, details?: Uint8Array) {
    super(message)
    this.status = details ? { code, message, details } : { code, message }
  }
}
