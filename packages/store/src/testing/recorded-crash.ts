/** Replays a record of writes and syncs into the files that a machine losing power would leave. */
import { mkdir, writeFile } from 'node:fs/promises'
import { basename, join } from 'node:path'

export interface RecordedEvent {
  readonly type: 'write' | 'truncate' | 'sync' | 'unlink' | 'directorySync' | 'output' | 'notModelled'
  readonly path: string
  readonly offset: number
  readonly data: Buffer
}

const types: Readonly<Record<string, RecordedEvent['type']>> = {
  W: 'write',
  T: 'truncate',
  S: 'sync',
  U: 'unlink',
  D: 'directorySync',
  A: 'output',
  X: 'notModelled',
}

/** Reads what sync-recorder.c wrote. An entry that was cut short by the kill is left out. */
export function parseRecord(log: Buffer): RecordedEvent[] {
  const events: RecordedEvent[] = []
  let at = 0
  while (at + 21 <= log.length) {
    const type = types[log.toString('latin1', at, at + 1)]
    if (type === undefined) throw new Error(`The record is damaged at byte ${at}.`)
    const pathLength = log.readUInt32LE(at + 1)
    const offset = Number(log.readBigUInt64LE(at + 5))
    const dataLength = Number(log.readBigUInt64LE(at + 13))
    const pathEnd = at + 21 + pathLength
    if (pathEnd + dataLength > log.length) break
    events.push({
      type,
      path: log.toString('utf8', at + 21, pathEnd),
      offset,
      data: log.subarray(pathEnd, pathEnd + dataLength),
    })
    at = pathEnd + dataLength
  }
  return events
}

/** A file's bytes, grown by doubling: the log is appended to thousands of times. */
class FileImage {
  #bytes = Buffer.alloc(4096)
  #size = 0

  apply(event: RecordedEvent): void {
    if (event.type === 'truncate') {
      this.#reserve(event.offset)
      if (event.offset < this.#size) this.#bytes.fill(0, event.offset, this.#size)
      this.#size = event.offset
      return
    }
    const end = event.offset + event.data.length
    this.#reserve(end)
    event.data.copy(this.#bytes, event.offset)
    this.#size = Math.max(this.#size, end)
  }

  copy(): FileImage {
    const copy = new FileImage()
    copy.#bytes = Buffer.from(this.#bytes)
    copy.#size = this.#size
    return copy
  }

  content(): Buffer {
    return this.#bytes.subarray(0, this.#size)
  }

  #reserve(size: number): void {
    if (size <= this.#bytes.length) return
    const grown = Buffer.alloc(Math.max(size, this.#bytes.length * 2))
    this.#bytes.copy(grown)
    this.#bytes = grown
  }
}

/**
 * The disk as the record goes on: per file what is synced for certain and what is not yet, and which names are in a
 * synced directory. A file that was unlinked is there again after a crash until its directory has been synced.
 */
export class RecordedDisk {
  readonly #files = new Map<string, { readonly synced: FileImage; pending: RecordedEvent[] }>()
  readonly #names = new Set<string>()
  readonly #unlinked = new Map<string, FileImage>()

  apply(event: RecordedEvent): void {
    switch (event.type) {
      case 'write':
      case 'truncate':
        this.#file(event.path).pending.push(event)
        return
      case 'sync': {
        const file = this.#file(event.path)
        for (const pending of file.pending) file.synced.apply(pending)
        file.pending = []
        return
      }
      case 'unlink':
        if (this.#names.has(event.path)) this.#unlinked.set(event.path, this.#file(event.path).synced)
        this.#files.delete(event.path)
        return
      case 'directorySync': {
        const names = event.data
          .toString()
          .split('\n')
          .filter((name) => name !== '')
        this.#names.clear()
        this.#unlinked.clear()
        for (const name of names) this.#names.add(join(event.path, name))
        return
      }
      case 'output':
        return
      case 'notModelled':
        throw new Error(`The record holds ${event.data.toString()} of ${event.path}, which is not replayed.`)
    }
  }

  /**
   * Writes the files that are left into `directory`: what was synced and, of what was not, what `survives` says of each
   * write: how much of it, from 0 (lost) to 1.
   */
  async crash(directory: string, survives: () => number): Promise<void> {
    await mkdir(directory, { recursive: true })
    const leave = (path: string, image: FileImage) =>
      writeFile(join(directory, basename(path)), image.content(), { mode: 0o600 })
    for (const [path, image] of this.#unlinked) await leave(path, image)
    for (const [path, { synced, pending }] of this.#files) {
      if (!this.#names.has(path) || this.#unlinked.has(path)) continue
      const image = synced.copy()
      for (const event of pending) {
        const part = survives()
        if (part === 0) continue
        const sectors = Math.ceil((event.data.length * part) / 512) * 512
        image.apply({ ...event, data: event.data.subarray(0, sectors) })
      }
      await leave(path, image)
    }
  }

  #file(path: string) {
    let file = this.#files.get(path)
    if (file === undefined) {
      file = { synced: new FileImage(), pending: [] }
      this.#files.set(path, file)
    }
    return file
  }
}
