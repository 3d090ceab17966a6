/** A call whose messages are handled as they come, its metadata and trailers the handler's own. */
import type { IncomingHttpHeaders } from 'node:http2'
import type { Duplex } from 'node:stream'
import { type CodeName, type Status, StatusError } from './status.ts'

/** Names in lower case. */
export type Metadata = Readonly<Record<string, string | readonly string[]>>

export interface StreamingCall {
  /** `/package.Service/Method` */
  readonly path: string
  /** Milliseconds on the clock of `monotonicMs`, when it arrived. */
  readonly start: number
  /** Aborted when the caller cancels or goes away, or its deadline passes. */
  readonly signal: AbortSignal
  /** All that came with the call. */
  readonly headers: IncomingHttpHeaders
  metadata(name: string): string | undefined
  /** Length-prefixed messages, in and out. Nothing may be written before {@link respond}. */
  readonly frames: Duplex
  /** Limit of one message, in bytes. */
  readonly maxMessageBytes: number
  /** Sends the metadata of the answer, once. */
  respond(metadata: Metadata): void
  /** Ends the call, once. */
  finish(status: Status, trailers?: Metadata): void
  /** Called when the call has ended, however it did. */
  onFinished(tell: (code: CodeName) => void): void
}

/** Answers a call; what it rejects with becomes the status. */
export type StreamHandler = (call: StreamingCall) => Promise<void>

/** A refusal with the metadata that came after it. */
export class TrailedError extends StatusError {
  override readonly status: Status
  readonly trailers: Metadata

  constructor(status: Status, trailers: Metadata) {
    super(status.code, status.message, status.details)
    this.status = status
    this.trailers = trailers
  }
}
