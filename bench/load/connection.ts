/** One keep-alive connection that has one request on its way at a time, costing as little as can be. */
import { once } from 'node:events'
import { connect as connectPlain, type Socket } from 'node:net'
import { connect as connectTls } from 'node:tls'
import type { Caller } from './caller.ts'
import type { Target } from './messages.ts'

const empty = Buffer.alloc(0)

export class Connection implements Caller {
  readonly #socket: Socket
  readonly #status: string
  onAnswer: () => void = () => {}
  onFailure: (message: string) => void = () => {}
  #head: Buffer = empty
  /** Bytes of the body that have not come yet. */
  #missing = 0

  private constructor(socket: Socket, status: number) {
    this.#socket = socket
    this.#status = ` ${status} `
    socket.on('data', (chunk) => this.#take(chunk))
    socket.on('error', (error) => this.#fail(error.message))
    socket.on('close', () => this.#fail('the server closed the connection'))
  }

  static async open(target: Target): Promise<Connection> {
    const { port, tls } = target
    const address = { host: '127.0.0.1', port }
    const socket = tls ? connectTls({ ...address, ...tls }) : connectPlain(address)
    await once(socket, tls ? 'secureConnect' : 'connect')
    socket.setNoDelay(true)
    return new Connection(socket, target.status)
  }

  /** A server may close a connection that was idle for long. */
  get closed(): boolean {
    return this.#socket.destroyed
  }

  send(request: string): void {
    this.#socket.write(request, 'utf8')
  }

  #take(chunk: Buffer): void {
    if (this.#missing > 0) {
      this.#missing -= chunk.length
    } else {
      const bytes = this.#head.length === 0 ? chunk : Buffer.concat([this.#head, chunk])
      const end = bytes.indexOf('\r\n\r\n')
      if (end < 0) {
        this.#head = bytes
        return
      }
      this.#head = empty
      const head = bytes.toString('latin1', 0, end)
      if (!head.startsWith(this.#status, 8)) {
        this.#fail(`an answer was not${this.#status}but: ${bytes.toString('utf8').slice(0, 500)}`)
        return
      }
      const length = contentLength(head)
      if (length === undefined) {
        this.#fail(`an answer has no Content-Length: ${head}`)
        return
      }
      this.#missing = end + 4 + length - bytes.length
    }
    if (this.#missing === 0) this.onAnswer()
    else if (this.#missing < 0) this.#fail('an answer is longer than it says')
  }

  #fail(message: string): void {
    this.onFailure(message)
    this.onFailure = () => {}
    this.#socket.destroy()
  }
}

function contentLength(head: string): number | undefined {
  const length = /\r\ncontent-length: *(\d+)/i.exec(head)?.[1]
  if (length !== undefined) return Number(length)
  // RFC 9112 section 6.3: a 204 has no body, whatever its headers.
  return head.startsWith(' 204 ', 8) ? 0 : undefined
}
