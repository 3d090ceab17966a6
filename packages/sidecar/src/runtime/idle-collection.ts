/** Gives memory back once traffic has fallen silent: the engine alone collects only when something is allocated. */
import { performance } from 'node:perf_hooks'
import { type Collect, preferMemory } from './engine-memory.ts'

export interface Process {
  /** Bytes that the process has in memory. */
  readonly resident: () => number
  /** Bytes of the engine's heap in use: what a collection has to look through. */
  readonly heapUsed: () => number
  /** The share of time, from 0 to 1, for which the event loop was busy since the last question. */
  readonly utilization: () => number
  readonly collect: () => void
}

const everyMs = 2000
const quiet = 0.5
const mebibyte = 1 << 20
// Less is not worth a collection.
const worthwhile = 16 * mebibyte
// Looking through more would be felt by the next request.
const largestHeap = 256 * mebibyte

/** This process, with the engine's collector. */
export function thisProcess(collect: Collect): Process {
  let last = performance.eventLoopUtilization()
  return {
    resident: process.memoryUsage.rss,
    heapUsed: () => process.memoryUsage().heapUsed,
    utilization() {
      const now = performance.eventLoopUtilization()
      const { utilization } = performance.eventLoopUtilization(now, last)
      last = now
      return utilization
    },
    // Of the flavours this is the one that returns what buffers of large bodies held.
    collect: () => void collect({ type: 'major', execution: 'sync', flavor: 'last-resort' }),
  }
}

/** Answers what is to be called from time to time: it collects when that is worth it and disturbs nobody. */
export function createIdleCollection({ resident, heapUsed, utilization, collect }: Process): () => void {
  let floor = resident()
  return () => {
    if (utilization() > quiet) return
    const bytes = resident()
    floor = Math.min(floor, bytes)
    if (bytes < floor + Math.max(worthwhile, floor / 4) || heapUsed() > largestHeap) return
    collect()
    floor = resident()
  }
}

/** Until `signal` is aborted; does not keep the process. */
export function collectWhenIdle(signal: AbortSignal): void {
  if (signal.aborted) return
  const timer = setInterval(createIdleCollection(thisProcess(preferMemory())), everyMs).unref()
  signal.addEventListener('abort', () => clearInterval(timer), { once: true })
}
