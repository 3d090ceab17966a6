import { expect, test } from 'vitest'
import { Concurrency } from './concurrency.ts'

test('concurrency is the average of the requests in flight since it was last asked', () => {
  let now = 0
  const concurrency = new Concurrency(() => now)
  concurrency.begin()
  concurrency.begin()
  now = 500
  concurrency.end()
  now = 1000
  expect(concurrency.sample()).toEqual({ average: 1.5, inFlight: 1, lastActive: 1000 })
  now = 2000
  concurrency.end()
  now = 3000
  expect(concurrency.sample()).toEqual({ average: 0.5, inFlight: 0, lastActive: 2000 })
  now = 4000
  expect(concurrency.sample()).toEqual({ average: 0, inFlight: 0, lastActive: 2000 })
})
