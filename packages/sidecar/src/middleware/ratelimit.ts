/** `middleware.http.ratelimit`: so many requests a second from each caller, as tollbooth counts them. */
import { monotonicMs } from '../clock.ts'
import { field, type MiddlewareFactory } from './factory.ts'
import { headerOf, type PipelineRequest } from './pipeline.ts'

const defaultRate = 100
// Callers that were not heard of for a while are forgotten.
const maxCallers = 10_000

interface Bucket {
  tokens: number
  at: number
}

export const createRateLimit: MiddlewareFactory = ({ metadata }) => {
  const given = field(metadata, 'maxRequestsPerSecond')
  const rate = given === '' ? defaultRate : Number(given)
  if (Number.isNaN(rate)) throw new Error(`cannot parse 'MaxRequestsPerSecond' as float: ${JSON.stringify(given)}`)
  if (rate <= 0) throw new Error('metadata property maxRequestsPerSecond must be a positive value')
  const burst = Math.max(1, Math.trunc(rate))
  const buckets = new Map<string, Bucket>()
  return {
    handle(request) {
      const caller = callerOf(request)
      const now = monotonicMs()
      const bucket = buckets.get(caller) ?? { tokens: burst, at: now }
      buckets.delete(caller)
      buckets.set(caller, bucket)
      if (buckets.size > maxCallers) {
        const [oldest] = buckets.keys()
        if (oldest !== undefined) buckets.delete(oldest)
      }
      bucket.tokens = Math.min(burst, bucket.tokens + ((now - bucket.at) / 1000) * rate)
      bucket.at = now
      if (bucket.tokens >= 1) {
        bucket.tokens--
        return undefined
      }
      return {
        status: 429,
        headers: ['Content-Type', 'text/plain; charset=utf-8', 'X-Rate-Limit-Limit', rate.toFixed(2)],
        body: 'You have reached maximum request limit.',
      }
    },
  }
}

/** By what a proxy says of it, as tollbooth looks. */
function callerOf(request: PipelineRequest): string {
  const forwarded = headerOf(request, 'x-forwarded-for')?.split(',').at(-1)?.trim()
  return request.remoteAddress || forwarded || headerOf(request, 'x-real-ip') || '0.0.0.0'
}
