/** What the API asks of whatever carries gRPC: calls in, one answer each. */
import type { Socket } from 'node:net'
import type { Status } from './status.ts'
import type { StreamHandler } from './streaming-call.ts'

/** Metadata of an answer: names in lower case and values, in turn. */
export type AnswerMetadata = readonly string[]

/** One call that has not been answered. */
export interface Call {
  /** `/package.Service/Method` */
  readonly path: string
  /** Milliseconds on the clock of `monotonicMs`, when it arrived. */
  readonly start: number
  /** Aborted when the caller cancels or goes away, or its deadline passes. */
  readonly signal: AbortSignal
  /** How the call ended without its handler: nothing that it says any more reaches the caller. */
  readonly abandoned: 'Canceled' | 'DeadlineExceeded' | undefined
  /** The first value of a metadata entry, its name in lower case. */
  metadata(name: string): string | undefined
  /** Sends a framed message and ends the call well. */
  succeed(frame: Uint8Array, metadata: AnswerMetadata): void
  /** Ends the call. Metadata goes ahead of the status; without it there is nothing but the status. */
  fail(status: Status, metadata?: AnswerMetadata): void
}

/** Answers a call once its request message is there, now or later. */
export type CallHandler = (call: Call, message: Uint8Array) => void

export interface CallRouter {
  /** Undefined: no such method. */
  find(path: string): CallHandler | undefined
  /** The handler of a method that is not called with one message for one; `metadata` is the call's. */
  findStream(path: string, metadata: (name: string) => string | undefined): StreamHandler | undefined
  /** Answers a call of a method that is not there, before any message. */
  unknown(call: Call): void
}

export interface TransportOptions {
  /** Limit of one message either way, in bytes, after decompression. */
  readonly maxMessageBytes: number
  /** Limit of a request's headers, in bytes. */
  readonly maxHeaderBytes: number
}

export interface Transport {
  /** Serves a connection. */
  accept(socket: Socket): void
  /** Lets calls finish, takes no new ones, and resolves when every connection is closed; at the latest after `graceMs`. */
  close(graceMs: number): Promise<void>
}
