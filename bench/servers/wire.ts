/** One request made to see what a server answers, byte for byte, before it is loaded. */
import { type IncomingMessage, type RequestOptions, request as requestPlain } from 'node:http'
import { request as requestTls } from 'node:https'
import { buffer } from 'node:stream/consumers'

export interface WireRequest {
  readonly method: string
  readonly path: string
  readonly headers: Readonly<Record<string, string>>
  readonly body?: string
}

export interface WireAnswer {
  readonly status: number
  /** Names and values in turn, as they came. */
  readonly rawHeaders: readonly string[]
  readonly body: string
}

export interface Address {
  readonly port: number
  /** For TLS: the name that is asked for, and the authority that is trusted. */
  readonly tls?: { readonly servername: string; readonly ca: string }
}

export async function send(address: Address, request: WireRequest): Promise<WireAnswer> {
  const { port, tls } = address
  const { method, path, headers, body } = request
  const length = body === undefined ? {} : { 'Content-Length': String(Buffer.byteLength(body)) }
  const options: RequestOptions = { host: '127.0.0.1', port, method, path, headers: { ...headers, ...length } }
  const response = await new Promise<IncomingMessage>((resolve, reject) => {
    const outgoing = tls ? requestTls({ ...options, ...tls }) : requestPlain(options)
    outgoing.once('response', resolve).once('error', reject)
    outgoing.end(body)
  })
  const bytes = await buffer(response)
  return { status: response.statusCode ?? 0, rawHeaders: response.rawHeaders, body: bytes.toString('utf8') }
}

/** The whole request as it goes on the wire. */
export function serialize({ method, path, headers, body }: WireRequest): string {
  const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`)
  const length = body === undefined ? '' : `Content-Length: ${Buffer.byteLength(body)}\r\n`
  return `${method} ${path} HTTP/1.1\r\n${lines.join('')}${length}\r\n${body ?? ''}`
}
