import { expect, test } from 'vitest'
import { decide, initialState, type Measurement, type ScaleState } from './decision.ts'

const SECOND = 1000
const limits = { minReplicas: 0, maxReplicas: 10, cooldownPeriod: 300 }

/** A revision whose clock the test moves. */
class Scaled {
  now = 0
  replicas = 1
  #state: ScaleState = initialState(0)
  readonly #limits: typeof limits

  constructor(changed: Partial<typeof limits> = {}) {
    this.#limits = { ...limits, ...changed }
  }

  /** What one decision makes of a load, of which a replica takes ten. */
  after(seconds: number, ...loads: readonly number[]): number {
    this.now += seconds * SECOND
    const measurements = loads.map((value): Measurement => ({ value, target: 10, active: value > 0 }))
    const decision = decide(this.#limits, this.replicas, measurements, this.#state, this.now)
    this.#state = decision.state
    this.replicas = decision.replicas
    return decision.replicas
  }
}

test('a load is shared by as many replicas as it needs', () => {
  const scaled = new Scaled()
  expect(scaled.after(15, 10)).toBe(1)
  expect(scaled.after(15, 11)).toBe(2)
  expect(scaled.after(15, 35)).toBe(4)
})

test('a large load is met in steps: one, four, and twice as many at a time, up to the highest number', () => {
  const scaled = new Scaled()
  scaled.replicas = 0
  expect([scaled.after(15, 500), scaled.after(15, 500), scaled.after(15, 500), scaled.after(15, 500)]).toEqual([
    1, 4, 8, 10,
  ])
})

test('the rule that wants most decides', () => {
  const scaled = new Scaled()
  expect(scaled.after(15, 12, 31, 0)).toBe(4)
})

test('replicas are kept for five minutes after the load is gone', () => {
  const scaled = new Scaled()
  scaled.after(15, 40)
  expect(scaled.after(15, 5)).toBe(4)
  expect(scaled.after(270, 5)).toBe(4)
  expect(scaled.after(30, 5)).toBe(1)
})

test('the last replica goes after the cool-down period, and one comes back with the next load', () => {
  const scaled = new Scaled()
  scaled.after(15, 5)
  expect(scaled.after(299, 0)).toBe(1)
  expect(scaled.after(1, 0)).toBe(0)
  expect(scaled.after(600, 0)).toBe(0)
  expect(scaled.after(15, 3)).toBe(1)
})

test('a cool-down that is shorter than five minutes is not held up by them', () => {
  const scaled = new Scaled({ cooldownPeriod: 30 })
  scaled.after(15, 40)
  expect(scaled.after(30, 0)).toBe(0)
})

test('the lowest number stays without any load, and is there from the start', () => {
  const scaled = new Scaled({ minReplicas: 2 })
  expect(scaled.after(0)).toBe(2)
  expect(scaled.after(3600)).toBe(2)
})

test('without a rule the first replica goes after the cool-down period', () => {
  const scaled = new Scaled()
  expect(scaled.after(200)).toBe(1)
  expect(scaled.after(100)).toBe(0)
})
