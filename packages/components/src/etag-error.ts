import { ComponentError } from './component-error.ts'

/** An etag that does not match, or is not one. Words: `possible etag mismatch. error from state store: …` and `invalid etag value: …`. */
export class EtagError extends ComponentError {
  override readonly name = 'EtagError'
  readonly kind: 'mismatch' | 'invalid'
  constructor(kind: EtagError['kind'], cause?: string) {
    super(
      kind === 'mismatch'
        ? `possible etag mismatch. error from state store${cause ? `: ${cause}` : ''}`
        : `invalid etag value${cause ? `: ${cause}` : ''}`,
    )
    this.kind = kind
  }
}

export function isEtagMismatch(error: unknown): boolean {
  return error instanceof EtagError && error.kind === 'mismatch'
}
