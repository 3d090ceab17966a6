/** What the benchmark and its load generator, a process of its own, say to each other. */

export interface Target {
  readonly port: number
  /** For TLS: the name that the certificate has to be for, and the authority that has to have signed it. */
  readonly tls?: { readonly servername: string; readonly ca: string }
  readonly connections: number
  /** Whole requests as they go on the wire, taken in turn by whichever connection is free. */
  readonly requests: readonly string[]
  /** The status that every answer has to have. */
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
