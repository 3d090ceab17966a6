/** Sidecars of one network found by multicast DNS, in the records that daprd announces (nameresolution/mdns). */
import { hostname } from 'node:os'
import mdns, { type ResponsePacket } from 'multicast-dns'
import { monotonicMs } from '../clock.ts'
import { errorText } from '../runtime/error-text.ts'
import type { NameResolutionOptions, NameResolver } from './name-resolution.ts'

const recordTtl = 120
// daprd keeps an address this long, and asks again well before.
const addressTtl = 60_000
const browseTimeout = 2000
/** When a question is asked again, in milliseconds after the first time. */
const questions = [0, 50, 150, 400, 900, 1500]

interface Known {
  readonly address: string
  readonly until: number
}

export function createMdnsResolver(options: NameResolutionOptions): NameResolver {
  const { appId, address, port, log } = options
  const socket = mdns({ loopback: true })
  // Without a network to ask on, only this sidecar itself is found.
  socket.on('error', (error: Error) => log.warn(`mDNS: ${errorText(error)}`))
  socket.on('warning', () => undefined)
  const service = `${appId}.local`
  const host = `${hostname()}.local`
  const instance = `${hostname()}:${process.pid}.${service}`
  const isIpv6 = address.includes(':')

  socket.on('query', (query) => {
    if (!query.questions.some(({ name, type }) => same(name, service) && ['PTR', 'ANY'].includes(type))) return
    socket.respond({
      answers: [{ name: service, type: 'PTR', ttl: recordTtl, data: instance }],
      additionals: [
        { name: instance, type: 'SRV', ttl: recordTtl, data: { port, target: host, priority: 0, weight: 0 } },
        { name: instance, type: 'TXT', ttl: recordTtl, data: [appId] },
        { name: host, type: isIpv6 ? 'AAAA' : 'A', ttl: recordTtl, data: address },
      ],
    })
  })
  log.info(`local service entry announced: ${appId} -> ${address}:${port}`)

  const known = new Map<string, Known[]>()
  const waiting = new Map<string, Set<() => void>>()
  const turn = new Map<string, number>()
  socket.on('response', (packet) => {
    for (const { id, addresses } of found(packet)) {
      const until = monotonicMs() + addressTtl
      const others = (known.get(id) ?? []).filter((entry) => !addresses.includes(entry.address))
      known.set(id, [...others, ...addresses.map((found) => ({ address: found, until }))])
      for (const wake of waiting.get(id) ?? []) wake()
    }
  })

  /** Replicas take turns. */
  const pick = (id: string): string | undefined => {
    const now = monotonicMs()
    const alive = (known.get(id) ?? []).filter(({ until }) => until > now)
    known.set(id, alive)
    const index = turn.get(id) ?? 0
    turn.set(id, index + 1)
    return alive[index % Math.max(1, alive.length)]?.address
  }

  return {
    resolve(id, _namespace, signal) {
      const cached = pick(id)
      if (cached !== undefined) return Promise.resolve(cached)
      return new Promise((resolve, reject) => {
        const timers = questions.map((after) =>
          setTimeout(() => socket.query([{ name: `${id}.local`, type: 'PTR' }]), after),
        )
        const end = (settle: () => void) => {
          for (const timer of timers) clearTimeout(timer)
          clearTimeout(late)
          waiting.get(id)?.delete(wake)
          if (waiting.get(id)?.size === 0) waiting.delete(id)
          signal.removeEventListener('abort', abort)
          settle()
        }
        const wake = () => {
          const address = pick(id)
          if (address !== undefined) end(() => resolve(address))
        }
        const abort = () => end(() => reject(signal.reason))
        const late = setTimeout(() => end(() => reject(new Error(`couldn't find service: ${id}`))), browseTimeout)
        const sleepers = waiting.get(id) ?? new Set()
        waiting.set(id, sleepers.add(wake))
        signal.addEventListener('abort', abort, { once: true })
      })
    },

    forget: (id) => known.delete(id),

    close() {
      return new Promise((resolve) => {
        // Whoever remembers this sidecar is told that it goes.
        const gone = { answers: [{ name: service, type: 'PTR', ttl: 0, data: instance } as const] }
        socket.respond(gone, () => socket.destroy(() => resolve()))
      })
    },
  }
}

/** The sidecars that a packet speaks of. Each says its own app id in its text record. */
function found(packet: ResponsePacket): { readonly id: string; readonly addresses: readonly string[] }[] {
  const records = [...packet.answers, ...packet.additionals]
  return records.flatMap((record) => {
    if (record.type !== 'SRV' || record.ttl === 0) return []
    const text = records.find((other) => other.type === 'TXT' && same(other.name, record.name))
    const id = text?.type === 'TXT' ? textOf(text.data) : undefined
    if (id === undefined) return []
    const addresses = records.flatMap((other) => {
      if ((other.type !== 'A' && other.type !== 'AAAA') || !same(other.name, record.data.target)) return []
      return [`${other.type === 'AAAA' ? `[${other.data}]` : other.data}:${record.data.port ?? 0}`]
    })
    // The first address of a kind, as daprd takes it.
    return addresses.length > 0 ? [{ id, addresses: addresses.slice(0, 1) }] : []
  })
}

function textOf(data: unknown): string | undefined {
  const first: unknown = Array.isArray(data) ? data[0] : data
  if (first === undefined) return undefined
  return Buffer.isBuffer(first) ? first.toString('utf8') : String(first)
}

function same(a: string, b: string): boolean {
  return a.toLowerCase() === b.toLowerCase()
}
