/** A request on its way to a callee, kept as long as it may have to be sent again. */
import type { Readable, Writable } from 'node:stream'

export class RequestTape {
  readonly #source: Readable
  #kept: Buffer[] | undefined
  #ended = false
  #sink: Writable | undefined

  /** Up to `keepBytes` it may be played more than once. */
  constructor(source: Readable, keepBytes: number) {
    this.#source = source
    this.#kept = keepBytes > 0 ? [] : undefined
    let size = 0
    source.on('data', (chunk: Buffer) => {
      size += chunk.length
      if (size > keepBytes) this.#kept = undefined
      this.#kept?.push(chunk)
      if (!this.#sink) {
        if (!this.#kept) source.pause()
        return
      }
      if (!this.#sink.write(chunk)) {
        source.pause()
        this.#sink.once('drain', () => source.resume())
      }
    })
    source.once('end', () => {
      this.#ended = true
      this.#sink?.end()
    })
    source.pause()
  }

  /** True when what was sent cannot be sent again. */
  get spent(): boolean {
    return this.#kept === undefined
  }

  /** Nothing is kept from here on. */
  spend(): void {
    this.#kept = undefined
  }

  /** Sends all there is and what comes to `sink`, until the function that it gives is called. */
  play(sink: Writable): () => void {
    for (const chunk of this.#kept ?? []) sink.write(chunk)
    if (this.#ended) sink.end()
    else {
      this.#sink = sink
      this.#source.resume()
    }
    return () => {
      if (this.#sink === sink) this.#sink = undefined
    }
  }

  end(): void {
    this.#kept = undefined
    this.#sink = undefined
    this.#source.resume()
  }
}
