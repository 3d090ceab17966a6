/** Spans as lines of the log (`spec.tracing.stdout`). */
import type { ReadableSpan, SpanExporter } from '@opentelemetry/sdk-trace-base'
import type { Logger } from '../log/logger.ts'

export function createStdoutExporter(log: Logger): SpanExporter {
  const print = (span: ReadableSpan) => {
    const { traceId, spanId } = span.spanContext()
    const [seconds] = span.startTime
    const start = new Date(seconds * 1000).toISOString()
    log.info(`Trace: ${traceId}, Span: ${spanId}, Name: ${span.name}, Start: ${start}, Status: ${span.status.code}`)
  }
  return {
    export(spans, done) {
      for (const span of spans) print(span)
      done({ code: 0 })
    },
    shutdown: () => Promise.resolve(),
  }
}
