/**
 * How many replicas a revision is to have. The steps and windows are Azure's ("Set scaling rules in Azure Container
 * Apps", scale behavior).
 */

/** Milliseconds for which the highest of the numbers counts before replicas are taken away. */
const SCALE_DOWN_WINDOW = 300_000
/** From none to one, then to at least four, then twice as many at a time. */
const FIRST_STEPS = [1, 4] as const

/** What a rule found. */
export interface Measurement {
  /** Of all replicas together: requests, messages, per cent of a replica's cores. */
  readonly value: number
  /** What one replica is for. */
  readonly target: number
  /** Whether there is anything to do: while no rule says so, the revision cools down to no replica. */
  readonly active: boolean
}

export interface ScaleLimits {
  readonly minReplicas: number
  readonly maxReplicas: number
  /** Seconds without activity until the last replica goes. */
  readonly cooldownPeriod: number
}

/** What the next decision has to know of those before. Times in milliseconds. */
export interface ScaleState {
  readonly lastActive: number
  readonly wanted: readonly { readonly at: number; readonly replicas: number }[]
}

export interface Decision {
  readonly replicas: number
  readonly state: ScaleState
}

/** A revision that starts is active: its first replica has the cool-down period to get something to do. */
export function initialState(now: number): ScaleState {
  return { lastActive: now, wanted: [] }
}

export function decide(
  limits: ScaleLimits,
  current: number,
  measurements: readonly Measurement[],
  state: ScaleState,
  now: number,
): Decision {
  const { minReplicas, maxReplicas, cooldownPeriod } = limits
  const lastActive = measurements.some(({ active }) => active) ? now : state.lastActive
  const measured = Math.max(0, ...measurements.map(({ value, target }) => Math.ceil(value / target)))
  const wanted = [
    ...state.wanted.filter(({ at }) => now - at < SCALE_DOWN_WINDOW),
    { at: now, replicas: Math.min(measured, maxReplicas) },
  ]
  const next = { lastActive, wanted }
  const coolingDown = now - lastActive < cooldownPeriod * 1000
  const least = Math.max(minReplicas, coolingDown ? 1 : 0)
  // Once it has cooled down nothing is left to be kept for.
  if (least === 0) return { replicas: 0, state: next }
  const up = Math.min(measured, highestStep(current))
  const down = Math.min(current, Math.max(...wanted.map(({ replicas }) => replicas)))
  const replicas = Math.min(maxReplicas, Math.max(least, up, down))
  return { replicas, state: next }
}

function highestStep(current: number): number {
  return FIRST_STEPS.find((step) => current < step) ?? current * 2
}
