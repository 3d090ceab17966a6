/** A W3C trace context as OpenCensus' binary metadata, which Dapr's gRPC apps read. */

const form = /^00-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})$/

/** Metadata for a gRPC call; empty where there is no trace. */
export function binaryTrace(traceparent: string): Readonly<Record<string, string>> {
  const match = form.exec(traceparent)
  if (!match) return {}
  const [, trace = '', span = '', flags = ''] = match
  const bytes = Buffer.from(`0000${trace}01${span}02${flags}`, 'hex')
  return { 'grpc-trace-bin': bytes.toString('base64').replace(/=+$/, ''), traceparent }
}

/** The W3C form of `grpc-trace-bin`; undefined for what is none. */
export function traceparentOf(binary: string | undefined): string | undefined {
  if (binary === undefined) return undefined
  const hex = Buffer.from(binary, 'base64').toString('hex')
  const match = /^0000([0-9a-f]{32})01([0-9a-f]{16})02([0-9a-f]{2})$/.exec(hex)
  return match ? `00-${match[1]}-${match[2]}-${match[3]}` : undefined
}
