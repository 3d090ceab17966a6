/** KQL's aggregates that SQLite does not have. */
import type { AggregateOptions, SQLInputValue } from 'node:sqlite'

type Aggregate = Pick<AggregateOptions, 'start' | 'step' | 'result'>

const mostItems = 1_048_576

/** Items come as JSON text; a NULL is not an item. */
const list = (distinct: boolean): Aggregate => ({
  start: () => ({ items: [] as string[], seen: new Set<string>() }) as never,
  step: (state: SQLInputValue, item: SQLInputValue, limit: SQLInputValue) => {
    const { items, seen } = state as unknown as { items: string[]; seen: Set<string> }
    const most = limit === undefined || limit === null ? mostItems : Number(limit)
    if (item === null || items.length >= most) return state
    if (distinct && seen.has(String(item))) return state
    if (distinct) seen.add(String(item))
    items.push(String(item))
    return state
  },
  result: (state: SQLInputValue) => `[${(state as unknown as { items: string[] }).items.join(',')}]`,
})

interface Spread {
  count: number
  mean: number
  squares: number
}

/** Welford's method. */
const spread = (finish: (variance: number) => number): Aggregate => ({
  start: () => ({ count: 0, mean: 0, squares: 0 }) as never,
  step: (state: SQLInputValue, value: SQLInputValue) => {
    if (value === null) return state
    const sums = state as unknown as Spread
    sums.count += 1
    const delta = Number(value) - sums.mean
    sums.mean += delta / sums.count
    sums.squares += delta * (Number(value) - sums.mean)
    return state
  },
  result: (state: SQLInputValue) => {
    const { count, squares } = state as unknown as Spread
    if (count === 0) return null
    return finish(count === 1 ? 0 : squares / (count - 1))
  },
})

/** The value at the nearest rank. */
const percentile: Aggregate = {
  start: () => ({ values: [] as (number | bigint)[], rank: 0 }) as never,
  step: (state: SQLInputValue, value: SQLInputValue, rank: SQLInputValue) => {
    const gathered = state as unknown as { values: (number | bigint)[]; rank: number }
    gathered.rank = Number(rank)
    if (value !== null) gathered.values.push(value as number | bigint)
    return state
  },
  result: (state: SQLInputValue) => {
    const { values, rank } = state as unknown as { values: (number | bigint)[]; rank: number }
    if (values.length === 0) return null
    values.sort((one, other) => (one < other ? -1 : one > other ? 1 : 0))
    const index = Math.max(0, Math.ceil((rank / 100) * values.length) - 1)
    return values[Math.min(index, values.length - 1)] ?? null
  },
}

/** The value beside the largest (or smallest) key; the first of equal keys. */
const argument = (better: (key: SQLInputValue, best: SQLInputValue) => boolean): Aggregate => ({
  start: () => ({ key: null, value: null }) as never,
  step: (state: SQLInputValue, key: SQLInputValue, value: SQLInputValue) => {
    const best = state as unknown as { key: SQLInputValue; value: SQLInputValue }
    if (key !== null && (best.key === null || better(key, best.key))) {
      best.key = key
      best.value = value
    }
    return state
  },
  result: (state: SQLInputValue) => (state as unknown as { value: SQLInputValue }).value,
})

const first: Aggregate = {
  start: () => ({ value: null }) as never,
  step: (state: SQLInputValue, value: SQLInputValue) => {
    const kept = state as unknown as { value: SQLInputValue }
    kept.value ??= value
    return state
  },
  result: (state: SQLInputValue) => (state as unknown as { value: SQLInputValue }).value,
}

export const aggregateFunctions: Readonly<Record<string, Aggregate>> = {
  kql_make_list: list(false),
  kql_make_set: list(true),
  kql_variance: spread((variance) => variance),
  kql_stdev: spread(Math.sqrt),
  kql_percentile: percentile,
  kql_arg_max: argument((key, best) => (key as bigint) > (best as bigint)),
  kql_arg_min: argument((key, best) => (key as bigint) < (best as bigint)),
  kql_any: first,
}
