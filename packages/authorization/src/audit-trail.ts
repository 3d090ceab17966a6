/** The append-only record of every decided request. */
import {
  closeSync,
  existsSync,
  fchmodSync,
  fstatSync,
  ftruncateSync,
  mkdirSync,
  openSync,
  readSync,
  renameSync,
  writeSync,
} from 'node:fs'
import { resolve as absolute, dirname } from 'node:path'
import { auditLine } from './audit-line.ts'
import type { Decision } from './decision.ts'

/** One request to a data or control plane, as it was decided. Never a value, never a token. */
export interface AuditEvent {
  /** The service, e.g. `key-vault`. */
  readonly service: string
  /** Azure's operation name, e.g. `SecretGet`. */
  readonly operation: string
  readonly requestId: string
  readonly callerIp?: string | undefined
  /** appid, oid and tenant of who asked; absent when nobody was authenticated. */
  readonly caller?: { readonly appId?: string; readonly objectId: string; readonly tenantId: string } | undefined
  readonly resource: string
  /** HTTP status answered. */
  readonly status: number
  readonly decision?: Decision | undefined
  readonly durationMs?: number
}

export interface AuditTrailOptions {
  /** JSON lines are appended to this file, mode 0600. */
  readonly file: string
  /** Milliseconds since the epoch. */
  readonly clock: () => number
  /** Rotated to `file.1` past this many bytes. Default 64 MiB. */
  readonly maxBytes?: number
  /** Rotated files kept, `file.1` the newest. Default 10. */
  readonly maxFiles?: number
}

/** The trail could not be written: the request it belongs to must be refused (503), since nobody would know of it. */
export class AuditTrailError extends Error {
  override readonly name = 'AuditTrailError'
}

/** Called once: without an error when the event is written. */
export type Recorded = (error?: AuditTrailError) => void

interface Batch {
  lines: string
  readonly recorded: Recorded[]
}

/**
 * An append-only trail. An event is recorded when it has been handed to the operating system (so it survives kill -9
 * of this process): events of one turn of the event loop share one write. When the write fails, nothing of it stays in
 * the file.
 */
export class AuditTrail {
  readonly #file: string
  readonly #clock: () => number
  readonly #maxBytes: number
  readonly #maxFiles: number
  readonly #buffer = Buffer.allocUnsafeSlow(128 * 1024)
  #descriptor: number | undefined
  #size = 0
  #batch: Batch | undefined
  #closed = false
  #lastTime = Number.NaN
  #lastTimestamp = ''

  /** Opens the file, so that a trail that cannot be written is known at start. Throws {@link AuditTrailError}. */
  constructor(options: AuditTrailOptions) {
    this.#file = options.file
    this.#clock = options.clock
    this.#maxBytes = options.maxBytes ?? 64 * 1024 * 1024
    this.#maxFiles = options.maxFiles ?? 10
    try {
      mkdirSync(dirname(absolute(this.#file)), { recursive: true, mode: 0o700 })
      this.#open()
    } catch (error) {
      throw this.#failure(error)
    }
  }

  /** Resolves when the event is recorded. Rejects with {@link AuditTrailError} when it can not be. */
  append(event: AuditEvent): Promise<void> {
    return new Promise((resolve, reject) => {
      this.record(event, (error) => (error === undefined ? resolve() : reject(error)))
    })
  }

  /** The same for who answers thousands of requests a second: `recorded`, which must not throw, is called in a later turn. */
  record(event: AuditEvent, recorded: Recorded): void {
    if (this.#closed) {
      setImmediate(recorded, new AuditTrailError('The audit trail is closed.'))
      return
    }
    const line = auditLine(event, this.#timestamp())
    if (this.#batch === undefined) {
      this.#batch = { lines: line, recorded: [recorded] }
      setImmediate(this.#flush)
    } else {
      this.#batch.lines += line
      this.#batch.recorded.push(recorded)
    }
  }

  /** Writes what is pending. Later appends are rejected. */
  async close(): Promise<void> {
    if (this.#closed) return
    this.#closed = true
    this.#flush()
    if (this.#descriptor !== undefined) closeSync(this.#descriptor)
    this.#descriptor = undefined
  }

  /** Formatting a time costs a third of formatting an event, and many events share a millisecond. */
  #timestamp(): string {
    const now = this.#clock()
    if (now !== this.#lastTime) {
      this.#lastTime = now
      this.#lastTimestamp = new Date(now).toISOString()
    }
    return this.#lastTimestamp
  }

  readonly #flush = (): void => {
    const batch = this.#batch
    if (batch === undefined) return
    this.#batch = undefined
    let failure: AuditTrailError | undefined
    try {
      this.#write(this.#encode(batch.lines))
    } catch (error) {
      failure = this.#failure(error)
    }
    for (const recorded of batch.recorded) recorded(failure)
  }

  /** In UTF-8; what is usual fits into a buffer that is there already, without a look at how long it will be. */
  #encode(lines: string): Buffer {
    if (lines.length * 3 > this.#buffer.length) return Buffer.from(lines)
    return this.#buffer.subarray(0, this.#buffer.write(lines))
  }

  #write(bytes: Buffer): void {
    if (this.#size > 0 && this.#size + bytes.length > this.#maxBytes) this.#rotate()
    const descriptor = this.#descriptor ?? this.#open()
    let written = 0
    try {
      while (written < bytes.length) written += writeSync(descriptor, bytes, written)
    } catch (error) {
      // A line that was cut short would spoil the next one, and its request is about to be refused.
      if (written > 0) ftruncateSync(descriptor, this.#size)
      throw error
    }
    this.#size += bytes.length
  }

  #open(): number {
    const descriptor = openSync(this.#file, 'a+', 0o600)
    const { size, mode } = fstatSync(descriptor)
    if ((mode & 0o777) !== 0o600) fchmodSync(descriptor, 0o600)
    this.#descriptor = descriptor
    this.#size = size
    if (size > 0) this.#endLastLine(descriptor, size)
    return descriptor
  }

  /** A machine that stopped may have left half a line; the next event starts on a line of its own. */
  #endLastLine(descriptor: number, size: number): void {
    const last = Buffer.alloc(1)
    readSync(descriptor, last, 0, 1, size - 1)
    if (last[0] !== 10) this.#size += writeSync(descriptor, '\n')
  }

  #rotate(): void {
    if (this.#descriptor !== undefined) closeSync(this.#descriptor)
    this.#descriptor = undefined
    for (let number = this.#maxFiles - 1; number >= 1; number--) {
      if (existsSync(`${this.#file}.${number}`)) renameSync(`${this.#file}.${number}`, `${this.#file}.${number + 1}`)
    }
    renameSync(this.#file, `${this.#file}.1`)
    this.#size = 0
  }

  #failure(error: unknown): AuditTrailError {
    const code = error instanceof Error && 'code' in error ? ` (${error.code})` : ''
    return new AuditTrailError(`The audit trail ${this.#file} cannot be written${code}.`, { cause: error })
  }
}
