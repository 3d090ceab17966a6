/** Spans of the calls that the sidecar answers, as its servers see them. */

export interface Span {
  /** The W3C trace context that whoever is called next gets. */
  readonly traceparent: string
  end(attributes: Readonly<Record<string, string | number>>, failed: boolean): void
}

export interface Tracer {
  /** `parent`: a valid `traceparent`; undefined for a new trace. */
  start(name: string, parent: string | undefined, attributes: Readonly<Record<string, string>>): Span
  /** Sends what has not been sent. */
  close(): Promise<void>
}
