/** What the benchmark and its load generator, a process of its own, say to each other. */

export interface Target {
  readonly port: number
  /** For TLS: the name that the certificate has to be for, and the authority that has to have signed it. */
  readonly tls?: { readonly servername: string; readonly ca: string }
  /** For a unary gRPC method, such as `/dapr.proto.runtime.v1.Dapr/GetState`, over HTTP/2 without TLS. */
  readonly grpc?: { readonly path: string }
  /** Calls at a time: HTTP connections, or gRPC calls on one. */
  readonly connections: number
  /**
   * Whole requests as they go on the wire, taken in turn by whichever connection is free; for gRPC
   * the messages in base64.
   */
  readonly requests: readonly string[]
  /** The HTTP status that every answer has to have; gRPC's has to be OK. */
  readonly status: number
}

export type Command =
  | { readonly kind: 'open'; readonly id: number; readonly target: Target }
  | { readonly kind: 'run'; readonly id: number; readonly seconds: number }

export interface Outcome {
  readonly requests: number
  /** From the first request to the last answer. */
  readonly seconds: number
  /** Milliseconds. */
  readonly p50: number
  readonly p99: number
}

export type Report =
  | { readonly kind: 'opened'; readonly id: number }
  | { readonly kind: 'ran'; readonly id: number; readonly outcome: Outcome }
  | { readonly kind: 'failed'; readonly id: number; readonly message: string }
