/** How the app of a sidecar is called, whatever it speaks. */
import type { Readable } from 'node:stream'
import type { HeaderMap } from './headers.ts'

export interface TypedDetail {
  readonly typeUrl: string
  readonly value: Uint8Array
}

/** A call of a method of an app. */
export interface AppRequest {
  /** Normalized, without a leading slash unless the caller gave one. */
  method: string
  /** `GET`, ...; `NONE` when the caller named none. */
  readonly verb: string
  /** Without the question mark. */
  readonly query: string
  readonly headers: HeaderMap
  readonly contentType: string
  /** Of a message that came over gRPC. */
  readonly typeUrl: string
  /** A stream can be sent once; bytes as often as needed. */
  readonly body: Readable | Uint8Array
  /** The trace that the app's call belongs to, as W3C writes it; empty for none. */
  readonly traceparent: string
  readonly tracestate: string
}

export interface AppResponse {
  /** An HTTP status, or a gRPC status code. */
  readonly status: number
  readonly isHttp: boolean
  /** Of a gRPC status. */
  readonly message: string
  readonly details: readonly TypedDetail[]
  readonly headers: HeaderMap
  readonly trailers: HeaderMap
  readonly contentType: string
  readonly typeUrl: string
  /** A stream has to be read or destroyed. */
  readonly body: Readable | Uint8Array
}

export interface AppChannel {
  /** Rejects with a StatusError, or an Error in the words of Go's client. */
  invoke(request: AppRequest, signal: AbortSignal): Promise<AppResponse>
  /** Whether the app says that it is well. */
  probe(signal: AbortSignal): Promise<boolean>
  close(): void
}

/** A call that wants events as they come. */
export function wantsEvents(headers: HeaderMap): boolean {
  for (const [name, [value]] of headers) {
    if (name.toLowerCase() === 'accept') return value?.trim().toLowerCase() === 'text/event-stream'
  }
  return false
}

/** All of a body, at most `limit` bytes (0: no limit). */
export async function wholeBody(body: Readable | Uint8Array, limit: number): Promise<Uint8Array> {
  if (body instanceof Uint8Array) return body
  const chunks: Buffer[] = []
  let size = 0
  for await (const chunk of body as AsyncIterable<Buffer>) {
    size += chunk.length
    if (limit > 0 && size > limit) throw new Error('stream too large')
    chunks.push(chunk)
  }
  const [only] = chunks
  return chunks.length === 1 && only ? only : Buffer.concat(chunks)
}
