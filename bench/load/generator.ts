/** The load generator's process: keeps connections to targets open, and loads one of them when told to. */
import { createHistogram } from 'node:perf_hooks'
import type { Caller } from './caller.ts'
import { Connection } from './connection.ts'
import { GrpcCall } from './grpc-call.ts'
import type { Command, Outcome, Report, Target } from './messages.ts'

const microsecondsPerMillisecond = 1000

/** So many callers, ready to send. */
function open(target: Target, count: number): Promise<readonly Caller[]> {
  if (target.grpc) return GrpcCall.open(target, target.grpc.path, count)
  return Promise.all(Array.from({ length: count }, () => Connection.open(target)))
}

class Load {
  readonly #target: Target
  #callers: readonly Caller[]
  #next = 0

  constructor(target: Target, callers: readonly Caller[]) {
    this.#target = target
    this.#callers = callers
  }

  static async open(target: Target): Promise<Load> {
    return new Load(target, await open(target, target.connections))
  }

  /** Every caller asks again as soon as it is answered, until the time is over and all are answered. */
  async run(seconds: number): Promise<Outcome> {
    // A server may close a connection that was idle for long.
    const left = this.#callers.filter(({ closed }) => !closed)
    const missing = this.#callers.length - left.length
    if (missing > 0) this.#callers = [...left, ...(await open(this.#target, missing))]
    return this.#load(seconds)
  }

  #load(seconds: number): Promise<Outcome> {
    const { requests } = this.#target
    const latencies = createHistogram()
    const start = performance.now()
    const deadline = start + seconds * 1000
    let answered = 0
    let busy = this.#callers.length
    return new Promise((resolve, reject) => {
      const send = (caller: Caller): number => {
        caller.send(requests[this.#next] ?? '')
        this.#next = (this.#next + 1) % requests.length
        return performance.now()
      }
      for (const caller of this.#callers) {
        let sentAt = 0
        caller.onFailure = (message) => reject(new Error(message))
        caller.onAnswer = () => {
          const now = performance.now()
          answered += 1
          latencies.record(Math.max(1, Math.round((now - sentAt) * microsecondsPerMillisecond)))
          if (now < deadline) {
            sentAt = send(caller)
            return
          }
          busy -= 1
          if (busy > 0) return
          resolve({
            requests: answered,
            seconds: (now - start) / 1000,
            p50: latencies.percentile(50) / microsecondsPerMillisecond,
            p99: latencies.percentile(99) / microsecondsPerMillisecond,
          })
        }
        sentAt = send(caller)
      }
    })
  }
}

const loads = new Map<number, Load>()

async function obey(command: Command): Promise<Report> {
  const { id } = command
  try {
    if (command.kind === 'open') {
      loads.set(id, await Load.open(command.target))
      return { kind: 'opened', id }
    }
    const load = loads.get(id)
    if (!load) throw new Error(`There is no target ${id}.`)
    return { kind: 'ran', id, outcome: await load.run(command.seconds) }
  } catch (error) {
    return { kind: 'failed', id, message: error instanceof Error ? error.message : String(error) }
  }
}

process.on('message', (command: Command) => {
  void obey(command).then((report) => process.send?.(report))
})
// The benchmark is gone, however it ended.
process.on('disconnect', () => process.exit(0))
