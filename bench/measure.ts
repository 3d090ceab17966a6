/** Loads two servers in alternating rounds, so that whatever else the machine does falls on both. */
import type { LoadGenerator, OpenTarget } from './load/load-generator.ts'
import type { Target } from './load/messages.ts'
import { cpuResolution, cpuSeconds } from './process-usage.ts'
import { bind } from './processors.ts'
import { pairwiseRatios, type Spread, spread } from './statistics.ts'

const longestWarmUpMs = 30_000
/** After so many the compilers have done what they do. */
const warmUpRequests = 40_000

export interface Measured {
  /** The process whose CPU time, and whose children's, counts. */
  readonly pid: number
  readonly target: Target
}

export interface Side {
  readonly requestsPerSecond: Spread
  readonly requestsPerCpuSecond: Spread
  /** Milliseconds. */
  readonly p99: Spread
}

export interface Comparison {
  readonly subject: Side
  readonly reference: Side
  /** Subject to reference, each in the same round. */
  readonly ratios: { readonly requestsPerSecond: Spread; readonly requestsPerCpuSecond: Spread; readonly p99: Spread }
}

export interface Session {
  readonly generator: LoadGenerator
  readonly seconds: number
  readonly rounds: number
  readonly progress: (text: string) => void
}

interface Round {
  readonly requestsPerSecond: number
  readonly requestsPerCpuSecond: number
  readonly p99: number
}

/** `processors`: where both servers run, as `taskset` takes it. */
export async function compare(
  session: Session,
  subject: Measured,
  reference: Measured,
  processors: string | undefined,
): Promise<Comparison> {
  const { generator, seconds, rounds, progress } = session
  for (const { pid } of [subject, reference]) await bind(pid, processors)
  const targets = [await generator.open(subject.target), await generator.open(reference.target)] as const
  await warmUp(targets[0], subject.target.requests.length, seconds)
  await warmUp(targets[1], reference.target.requests.length, seconds)
  const own: Round[] = []
  const others: Round[] = []
  for (let round = 1; round <= rounds; round += 1) {
    own.push(await measure(targets[0], subject.pid, seconds))
    others.push(await measure(targets[1], reference.pid, seconds))
    const ratio = (own.at(-1)?.requestsPerSecond ?? 0) / (others.at(-1)?.requestsPerSecond ?? 0)
    progress(`  round ${round} of ${rounds}: ${ratio.toFixed(2)}`)
  }
  const ratio = (figure: keyof Round) =>
    pairwiseRatios(
      own.map((round) => round[figure]),
      others.map((round) => round[figure]),
    )
  return {
    subject: side(own),
    reference: side(others),
    ratios: {
      requestsPerSecond: ratio('requestsPerSecond'),
      requestsPerCpuSecond: ratio('requestsPerCpuSecond'),
      p99: ratio('p99'),
    },
  }
}

/**
 * Compilers and caches get warm before anything counts: enough has been answered, and every request once, or it took too
 * long.
 */
async function warmUp(target: OpenTarget, requests: number, seconds: number): Promise<void> {
  const deadline = performance.now() + longestWarmUpMs
  const enough = Math.max(requests, warmUpRequests)
  for (let answered = 0; answered < enough && performance.now() < deadline; ) {
    answered += (await target.run(Math.max(seconds, 1))).requests
  }
}

async function measure(target: OpenTarget, pid: number, seconds: number): Promise<Round> {
  const before = await cpuSeconds(pid)
  const outcome = await target.run(seconds)
  const used = Math.max(cpuResolution, (await cpuSeconds(pid)) - before)
  return {
    requestsPerSecond: outcome.requests / outcome.seconds,
    requestsPerCpuSecond: outcome.requests / used,
    p99: outcome.p99,
  }
}

function side(rounds: readonly Round[]): Side {
  const of = (figure: keyof Round) => spread(rounds.map((round) => round[figure]))
  return {
    requestsPerSecond: of('requestsPerSecond'),
    requestsPerCpuSecond: of('requestsPerCpuSecond'),
    p99: of('p99'),
  }
}
