/**
 * The lines of a container's output, so many a second: a flood is counted and dropped, and neither memory nor a disk
 * fills with it. The container itself never waits.
 */
import { StringDecoder } from 'node:string_decoder'

export interface OutputLinesOptions {
  readonly onLine: (text: string) => void
  /** Milliseconds, of any beginning. */
  readonly clock: () => number
}

/** What a container may say at once, and then each second. */
const burstLines = 5000
const linesPerSecond = 1000
/** A longer line is cut into several, as container engines do. */
const longestLine = 16 * 1024
const newline = 0x0a

export class OutputLines {
  readonly #options: OutputLinesOptions
  readonly #decoder = new StringDecoder('utf8')
  #rest = ''
  #allowed = burstLines
  #at: number
  #dropped = 0
  #dropping = false
  /** What was dropped last had no end of line yet. */
  #midLine = false

  constructor(options: OutputLinesOptions) {
    this.#options = options
    this.#at = options.clock()
  }

  write(chunk: Buffer): void {
    this.#refill()
    if (this.#dropping) {
      // Only counted: turning a gigabyte into text would be work for nothing.
      for (let at = chunk.indexOf(newline); at !== -1; at = chunk.indexOf(newline, at + 1)) this.#dropped += 1
      this.#midLine = chunk.at(-1) !== newline
      this.#decoder.end()
      this.#rest = ''
      return
    }
    if (this.#midLine) {
      const at = chunk.indexOf(newline)
      if (at === -1) return
      this.#midLine = false
      this.#dropped += 1
      this.#keep(chunk.subarray(at + 1))
    } else this.#keep(chunk)
  }

  #keep(chunk: Buffer): void {
    const lines = (this.#rest + this.#decoder.write(chunk)).split('\n')
    this.#rest = lines.pop() ?? ''
    for (const line of lines) this.#line(line)
    while (this.#rest.length > longestLine) {
      this.#line(this.#rest.slice(0, longestLine))
      this.#rest = this.#rest.slice(longestLine)
    }
  }

  /** The rest of what had no end of line. */
  end(): void {
    const rest = this.#rest + this.#decoder.end()
    this.#rest = ''
    this.#refill()
    if (rest !== '') this.#line(rest)
    this.#tellDropped()
  }

  #line(text: string): void {
    if (this.#dropping) {
      this.#dropped += 1
      return
    }
    this.#tellDropped()
    this.#allowed -= 1
    this.#dropping = this.#allowed < 1
    this.#options.onLine(text.endsWith('\r') ? text.slice(0, -1) : text)
  }

  #tellDropped(): void {
    if (this.#dropped === 0) return
    this.#options.onLine(`dropped ${this.#dropped} lines: more than ${linesPerSecond} lines a second`)
    this.#dropped = 0
  }

  #refill(): void {
    const now = this.#options.clock()
    this.#allowed = Math.min(burstLines, this.#allowed + ((now - this.#at) * linesPerSecond) / 1000)
    this.#at = now
    // A flood is told of once a second.
    if (this.#allowed >= linesPerSecond) this.#dropping = false
  }
}
