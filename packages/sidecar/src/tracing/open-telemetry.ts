/** Spans made and exported by OpenTelemetry, to whom the configuration says. */
import { ROOT_CONTEXT, SpanKind, SpanStatusCode, TraceFlags, trace } from '@opentelemetry/api'
import { detectResources, envDetector, resourceFromAttributes } from '@opentelemetry/resources'
import {
  BasicTracerProvider,
  BatchSpanProcessor,
  ParentBasedSampler,
  type SpanExporter,
  TraceIdRatioBasedSampler,
} from '@opentelemetry/sdk-trace-base'
import { parseGoDuration } from '../cli/go-duration.ts'
import type { OtelSpec, TracingSpec } from '../loading/configuration.ts'
import type { Logger } from '../log/logger.ts'
import type { Tracer } from './tracer.ts'

const serviceName = 'service.name'
const form = /^00-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})$/

/** Rejects with daprd's words for an exporter that cannot be had. `rate`: share of new traces that are kept. */
export async function createTracer(spec: TracingSpec, rate: number, appId: string, log: Logger): Promise<Tracer> {
  const exporters: SpanExporter[] = []
  if (spec.stdout) exporters.push((await import('./stdout-exporter.ts')).createStdoutExporter(log))
  if (spec.zipkinEndpoint !== '') {
    const { ZipkinExporter } = await import('@opentelemetry/exporter-zipkin')
    exporters.push(new ZipkinExporter({ url: spec.zipkinEndpoint }))
  }
  if (spec.otel && spec.otel.endpointAddress !== '' && spec.otel.protocol !== '') {
    exporters.push(await otlpExporter(spec.otel))
  }
  const ratio = new TraceIdRatioBasedSampler(rate)
  const environment = detectResources({ detectors: [envDetector] })
  await environment.waitForAsyncAttributes?.()
  const provider = new BasicTracerProvider({
    resource: resourceFromAttributes({ [serviceName]: appId }).merge(environment),
    sampler: new ParentBasedSampler({ root: ratio, remoteParentNotSampled: ratio }),
    spanProcessors: exporters.map((exporter) => new BatchSpanProcessor(exporter, { scheduledDelayMillis: 1000 })),
  })
  const tracer = provider.getTracer('dapr-diagnostics')
  return {
    start(name, parent, attributes) {
      const span = tracer.startSpan(name, { kind: SpanKind.SERVER, attributes }, contextOf(parent))
      const { traceId, spanId, traceFlags } = span.spanContext()
      return {
        traceparent: `00-${traceId}-${spanId}-${traceFlags.toString(16).padStart(2, '0')}`,
        end(more, failed) {
          span.setAttributes(more)
          span.setStatus({ code: failed ? SpanStatusCode.ERROR : SpanStatusCode.OK })
          span.end()
        },
      }
    },
    close: () => provider.shutdown(),
  }
}

function contextOf(parent: string | undefined) {
  const match = parent === undefined ? undefined : form.exec(parent)
  if (!match) return ROOT_CONTEXT
  const [, traceId = '', spanId = '', flags = ''] = match
  const traceFlags = Number.parseInt(flags, 16) & TraceFlags.SAMPLED
  return trace.setSpanContext(ROOT_CONTEXT, { traceId, spanId, traceFlags, isRemote: true })
}

async function otlpExporter(spec: OtelSpec): Promise<SpanExporter> {
  const { endpointAddress, headers } = spec
  const timeoutMillis = spec.timeout === '' ? undefined : parseGoDuration(spec.timeout)
  const timeout = timeoutMillis === undefined ? {} : { timeoutMillis }
  // The library adds headers of the environment; Dapr's configuration stands in their place.
  if (Object.keys(headers).length > 0) {
    for (const name of ['OTEL_EXPORTER_OTLP_HEADERS', 'OTEL_EXPORTER_OTLP_TRACES_HEADERS']) delete process.env[name]
  }
  const scheme = spec.isSecure === false ? 'http' : 'https'
  switch (spec.protocol) {
    case 'http': {
      const { OTLPTraceExporter } = await import('@opentelemetry/exporter-trace-otlp-proto')
      return new OTLPTraceExporter({ url: `${scheme}://${endpointAddress}/v1/traces`, headers, ...timeout })
    }
    case 'grpc': {
      const { OTLPTraceExporter } = await import('@opentelemetry/exporter-trace-otlp-grpc')
      const { Metadata } = await import('@grpc/grpc-js')
      const metadata = new Metadata()
      for (const [name, value] of Object.entries(headers)) metadata.set(name, value)
      return new OTLPTraceExporter({ url: `${scheme}://${endpointAddress}`, metadata, ...timeout })
    }
    default:
      throw new Error(`invalid protocol ${spec.protocol} provided for Otel endpoint`)
  }
}
