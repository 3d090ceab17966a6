/** Requests to apps that speak HTTP/2 without TLS, as gRPC servers do: one session for each address. */
import {
  type ClientHttp2Session,
  type ClientHttp2Stream,
  connect,
  constants,
  type IncomingHttpHeaders,
  type OutgoingHttpHeaders,
} from 'node:http2'
import type { Exchange } from './exchange.ts'
import { answerFor } from './http1-apps.ts'

export class Http2Apps {
  /** By address. */
  readonly #sessions = new Map<string, ClientHttp2Session>()

  send(exchange: Exchange): void {
    let stream: ClientHttp2Stream
    try {
      stream = this.#sessionOf(exchange.address).request(headersOf(exchange), { endStream: !exchange.hasBody })
    } catch (error) {
      exchange.fail(answerFor(error as Error))
      return
    }
    exchange.onAbort(() => stream.close(constants.NGHTTP2_CANCEL))
    stream.on('response', (headers, flags, raw: readonly string[] | undefined) => {
      const last = (flags & constants.NGHTTP2_FLAG_END_STREAM) !== 0
      exchange.head(Number(headers[':status']), undefined, raw ?? flat(headers), last)
    })
    stream.on('data', (chunk: Buffer) => {
      if (!exchange.data(chunk, () => stream.resume())) stream.pause()
    })
    stream.on('trailers', (headers, _flags, raw: readonly string[] | undefined) => {
      exchange.trailers(raw ?? flat(headers))
    })
    stream.on('end', () => {
      if (exchange.answered && stream.rstCode === constants.NGHTTP2_NO_ERROR) exchange.end()
    })
    stream.on('error', (error) => exchange.fail(answerFor(error)))
    stream.on('close', () => {
      if (stream.rstCode !== constants.NGHTTP2_NO_ERROR || !exchange.answered) exchange.fail(answerFor(new Error()))
    })
    if (exchange.hasBody) exchange.request.pipe(stream)
  }

  close(): void {
    for (const session of this.#sessions.values()) session.destroy()
    this.#sessions.clear()
  }

  #sessionOf(address: string): ClientHttp2Session {
    const known = this.#sessions.get(address)
    if (known && !known.closed && !known.destroyed) return known
    const session = connect(address)
    const forget = () => {
      if (this.#sessions.get(address) === session) this.#sessions.delete(address)
    }
    // Its streams get the error as well, and tell their clients.
    session.on('error', forget)
    session.on('close', forget)
    session.on('goaway', forget)
    this.#sessions.set(address, session)
    return session
  }
}

function headersOf(exchange: Exchange): OutgoingHttpHeaders {
  const headers: Record<string, string[]> = {}
  const { headers: raw, request } = exchange
  for (let index = 0; index + 1 < raw.length; index += 2) {
    const name = raw[index] ?? ''
    headers[name] = [...(headers[name] ?? []), raw[index + 1] ?? '']
  }
  const { host = [], ...rest } = headers
  return {
    ...rest,
    ':method': request.method,
    ':path': request.url,
    ':scheme': 'http',
    ':authority': host[0],
    // gRPC asks for trailers; it is the one value that HTTP/2 has of this header (RFC 9113 section 8.2.2).
    ...(request.headers.te?.includes('trailers') ? { te: 'trailers' } : {}),
  }
}

function flat(headers: IncomingHttpHeaders): string[] {
  return Object.entries(headers).flatMap(([name, value]) =>
    (Array.isArray(value) ? value : [String(value)]).flatMap((one) => [name, one]),
  )
}
