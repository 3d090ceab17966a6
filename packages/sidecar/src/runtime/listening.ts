/** Listening as Go words it and as patiently as daprd does (pkg/api/listen). */
import type { Server } from 'node:net'
import { setTimeout as delay } from 'node:timers/promises'
import { monotonicMs } from '../clock.ts'
import { listenOn } from '../http/listen.ts'
import { errorText } from './error-text.ts'

const listenBudget = 10_000

/** The port in use. A port that is taken may become free: it is tried for ten seconds, or until `signal` is aborted. */
export async function listenPatiently(
  server: Server,
  target: { readonly port: number; readonly host?: string },
  signal: AbortSignal,
): Promise<number> {
  const deadline = monotonicMs() + listenBudget
  for (let pause = 100; ; pause = Math.min(pause * 1.5, 500)) {
    try {
      return await listenOn(server, target)
    } catch (error) {
      if (monotonicMs() + pause > deadline || signal.aborted) throw error
      await delay(pause, undefined, { signal }).catch(() => undefined)
    }
  }
}

/** What Node listens on for an address as daprd's flags give it; empty: every address. */
export function listenTarget(address: string, port: number): { readonly port: number; readonly host?: string } {
  const host = stripBrackets(address)
  return { port, ...(host ? { host } : {}) }
}

export function stripBrackets(address: string): string {
  return address.startsWith('[') && address.endsWith(']') ? address.slice(1, -1) : address
}

const errnoTexts: Readonly<Record<string, string>> = {
  EADDRINUSE: 'address already in use',
  EACCES: 'permission denied',
  EADDRNOTAVAIL: 'cannot assign requested address',
  ENOENT: 'no such file or directory',
}

/** The error of Go's `net.Listen`. */
export function goListenError(address: string, error: unknown, network = 'tcp'): string {
  const code = error instanceof Error && 'code' in error ? String(error.code) : ''
  return `listen ${network} ${address}: bind: ${errnoTexts[code] ?? errorText(error)}`
}
