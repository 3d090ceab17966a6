/** A process's log on disk, of bounded size; a disk without space costs lines, never the process that logs or its supervisor. */
import { closeSync, existsSync, fstatSync, openSync, renameSync, writeSync } from 'node:fs'

export interface BoundedLogOptions {
  readonly file: string
  /** Past this many bytes it becomes `file.1`. */
  readonly maxBytes: number
  /** How many such older files are kept, `file.1` the newest. */
  readonly keep: number
}

export class BoundedLog {
  readonly #options: BoundedLogOptions
  #descriptor: number | undefined
  #size = 0
  #lost = 0

  constructor(options: BoundedLogOptions) {
    this.#options = options
  }

  /** Never throws. What can not be written is counted, and told in the log once there is space again. */
  write(chunk: Buffer | string): void {
    const bytes = typeof chunk === 'string' ? Buffer.from(chunk) : chunk
    try {
      this.#open()
      if (this.#size > 0 && this.#size + bytes.length > this.#options.maxBytes) this.#rotate()
      if (this.#lost > 0) {
        this.#append(Buffer.from(`\n(${this.#lost} bytes of this log could not be written)\n`))
        this.#lost = 0
      }
      this.#append(bytes)
    } catch {
      this.#lost += bytes.length
    }
  }

  close(): void {
    if (this.#descriptor !== undefined) closeSync(this.#descriptor)
    this.#descriptor = undefined
  }

  #open(): number {
    if (this.#descriptor === undefined) {
      this.#descriptor = openSync(this.#options.file, 'a', 0o600)
      this.#size = fstatSync(this.#descriptor).size
    }
    return this.#descriptor
  }

  #append(bytes: Buffer): void {
    const descriptor = this.#open()
    let written = 0
    while (written < bytes.length) {
      const count = writeSync(descriptor, bytes, written)
      written += count
      this.#size += count
    }
  }

  #rotate(): void {
    this.close()
    const { file, keep } = this.#options
    for (let number = keep - 1; number >= 1; number -= 1) {
      if (existsSync(`${file}.${number}`)) renameSync(`${file}.${number}`, `${file}.${number + 1}`)
    }
    renameSync(file, `${file}.1`)
    this.#size = 0
  }
}
