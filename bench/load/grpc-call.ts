/** One unary gRPC call after the other on an HTTP/2 session that is shared with others (gRPC over HTTP2, requests and responses). */
import { once } from 'node:events'
import { type ClientHttp2Session, connect, type IncomingHttpHeaders } from 'node:http2'
import type { Caller } from './caller.ts'
import type { Target } from './messages.ts'

export class GrpcCall implements Caller {
  readonly #session: ClientHttp2Session
  readonly #path: string
  onAnswer: () => void = () => {}
  onFailure: (message: string) => void = () => {}

  private constructor(session: ClientHttp2Session, path: string) {
    this.#session = session
    this.#path = path
    session.on('error', (error) => this.onFailure(error.message))
  }

  /** So many, all on one connection. */
  static async open({ port }: Target, path: string, count: number): Promise<readonly GrpcCall[]> {
    const session = connect(`http://127.0.0.1:${port}`)
    session.setMaxListeners(0)
    await once(session, 'connect')
    return Array.from({ length: count }, () => new GrpcCall(session, path))
  }

  get closed(): boolean {
    return this.#session.closed || this.#session.destroyed
  }

  /** `request`: the message in base64. */
  send(request: string): void {
    const call = this.#session.request({
      ':method': 'POST',
      ':path': this.#path,
      'content-type': 'application/grpc',
      te: 'trailers',
    })
    let status: string | undefined
    let told = ''
    const take = (headers: IncomingHttpHeaders): void => {
      const { 'grpc-status': given, 'grpc-message': message } = headers
      if (given === undefined) return
      status = String(given)
      told = String(message ?? '')
    }
    call.on('response', take)
    call.on('trailers', take)
    call.on('error', (error) => this.onFailure(error.message))
    call.on('end', () => {
      if (status === '0') this.onAnswer()
      else this.onFailure(`a call ended with status ${status}: ${told}`)
    })
    call.resume()
    call.end(frame(request))
  }
}

/** A message that is not compressed, with its length before it. */
function frame(request: string): Buffer {
  const message = Buffer.from(request, 'base64')
  const head = Buffer.alloc(5)
  head.writeUInt32BE(message.length, 1)
  return Buffer.concat([head, message])
}
