/** `grpc-timeout`: how long a caller waits (gRPC over HTTP/2, "Timeout"). */

const millisecondsPerUnit: Readonly<Record<string, number>> = {
  H: 3_600_000,
  M: 60_000,
  S: 1000,
  m: 1,
  u: 1e-3,
  n: 1e-6,
}
const longest = 9

export type Timeout =
  | { readonly ok: true; readonly milliseconds: number }
  /** grpc-go's words (internal/transport/http_util.go). */
  | { readonly ok: false; readonly error: string }

export function parseTimeout(text: string): Timeout {
  const refuse = (reason: string): Timeout => ({
    ok: false,
    error: `transport: timeout ${reason}: ${JSON.stringify(text)}`,
  })
  if (text.length < 2) return refuse('string is too short')
  if (text.length > longest) return refuse('string is too long')
  const unit = millisecondsPerUnit[text.slice(-1)]
  if (unit === undefined) return refuse('unit is not recognized')
  const digits = text.slice(0, -1)
  if (!/^[+-]?\d+$/.test(digits)) {
    return { ok: false, error: `strconv.ParseInt: parsing ${JSON.stringify(digits)}: invalid syntax` }
  }
  return { ok: true, milliseconds: Number(digits) * unit }
}
