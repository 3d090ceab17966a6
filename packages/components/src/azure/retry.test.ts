import { describe, expect, it } from 'vitest'
import { defaultRetry, maxRetriesOf, retryAfterMs, retryDelay } from './retry.ts'

describe('the wait before a request is sent again', () => {
  it('grows as 1, 3, 7 times 0.8 seconds, with a jitter from 0.8 to 1.3', () => {
    expect([1, 2, 3].map((attempt) => retryDelay(defaultRetry, attempt, undefined, 0.4))).toEqual([800, 2400, 5600])
    expect(retryDelay(defaultRetry, 1, undefined, 0)).toBeCloseTo(640)
    expect(retryDelay(defaultRetry, 1, undefined, 0.999999)).toBeCloseTo(1040, 1)
  })

  it('is never more than a minute', () => {
    expect(retryDelay(defaultRetry, 12, undefined, 0.5)).toBe(60_000)
  })

  it('is what the service asks for, unless that is more than a minute', () => {
    expect(retryDelay(defaultRetry, 1, 5000, 0.5)).toBe(5000)
    expect(retryDelay(defaultRetry, 1, 60_001, 0.5)).toBeUndefined()
  })
})

describe('the wait that a response asks for', () => {
  const now = Date.parse('2026-01-01T00:00:00Z')
  it.each([
    [{ 'retry-after-ms': '250', 'retry-after': '9' }, 250],
    [{ 'x-ms-retry-after-ms': '300' }, 300],
    [{ 'retry-after': '2' }, 2000],
    [{ 'retry-after': 'Thu, 01 Jan 2026 00:00:03 GMT' }, 3000],
    [{ 'retry-after': 'Wed, 31 Dec 2025 23:59:00 GMT' }, undefined],
    [{ 'retry-after': '-1' }, undefined],
    [{ 'retry-after': 'soon' }, undefined],
    [{}, undefined],
  ])('%j', (headers: Record<string, string>, milliseconds) => {
    expect(retryAfterMs((name) => headers[name], now)).toBe(milliseconds)
  })
})

it('takes a retry count of 0 for the default and a negative one for none', () => {
  expect([undefined, 0, 5, -1].map(maxRetriesOf)).toEqual([3, 3, 5, 0])
})
