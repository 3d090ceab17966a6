/**
 * A database that cannot be opened or written, and why.
 *
 * - `locked`: another process has the database open
 * - `corrupt`: the file is not a database, or its pages do not hold together
 * - `wrong-master-key`: the master key is not the one that wrote it
 * - `newer`: it was written by a later version of the code
 * - `full`: no space was left; what was being written was rolled back (answer 507, or 503 where the wire has no 507)
 * - `unavailable`: anything else the operating system refused (answer 503)
 */
export class StoreError extends Error {
  override readonly name = 'StoreError'
  readonly code: 'locked' | 'corrupt' | 'wrong-master-key' | 'newer' | 'full' | 'unavailable'
  constructor(code: StoreError['code'], message: string, options?: ErrorOptions) {
    super(message, options)
    this.code = code
  }
}

/** A row with the same unique key is already there; thrown in place of the engine's own error, whatever the engine. */
export class UniqueViolationError extends Error {
  override readonly name = 'UniqueViolationError'
}
