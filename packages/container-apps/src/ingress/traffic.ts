/** Which revision a request goes to, and which of its replicas. */
import { createHash } from 'node:crypto'
import type { IngressSpec } from '../platform/platform.ts'

const AFFINITY_COOKIE = 'acaAffinity'

/** Answers by weight; undefined when no revision gets traffic. `random`: at least 0, less than 1. */
export function revisionPicker(traffic: IngressSpec['traffic'], random: () => number): () => string | undefined {
  const weighted = traffic.filter(({ weight }) => weight > 0)
  const [first] = weighted
  if (weighted.length < 2) return () => first?.revision
  const total = weighted.reduce((sum, { weight }) => sum + weight, 0)
  return () => {
    let rest = random() * total
    for (const { revision, weight } of weighted) {
      rest -= weight
      if (rest < 0) return revision
    }
    return first?.revision
  }
}

/** What the affinity cookie of a client holds that an address answered before; it does not tell the address. */
export function affinityOf(revision: string, address: string): string {
  return createHash('sha256').update(`${revision} ${address}`).digest('hex').slice(0, 16)
}

export function affinityIn(cookies: string | undefined): string | undefined {
  return cookies === undefined ? undefined : /(?:^|;\s*)acaAffinity="?([0-9a-f]{16})"?(?:;|$)/.exec(cookies)?.[1]
}

export function affinityCookie(affinity: string, secure: boolean): string {
  return `${AFFINITY_COOKIE}="${affinity}"; Path=/; HttpOnly${secure ? '; SameSite=None; Secure' : ''}`
}
