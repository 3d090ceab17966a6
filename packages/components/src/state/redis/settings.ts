/** What the metadata of state.redis says about servers and times (components-contrib common/component/redis/settings.go). */
import { isIP } from 'node:net'
import { ComponentError } from '../../component-error.ts'
import { parseGoDuration } from '../../go/duration.ts'
import { parseGoInt, quote } from '../../go/strconv.ts'

export interface Address {
  readonly host: string
  readonly port: number
}

/**
 * The addresses in a comma-separated list; a host without a port gets `port`, or 6379.
 * @throws ComponentError when a host has another port than `port`
 */
export function readAddresses(hosts: string, port: number | undefined): Address[] {
  return hosts.split(',').map((entry) => {
    const text = entry.trim()
    const match = /^(?:\[([^\]]+)\]|([^:]*)):(\d+)$/.exec(text)
    if (match === null) return { host: text.replace(/^\[|\]$/g, ''), port: port || 6379 }
    if (port && String(port) !== match[3]) {
      throw new ComponentError(
        `redis client configuration error: redis host ${quote(text)} already contains port ${match[3]}, but redisPort is set to ${port}; either remove the port from redisHost or remove the redisPort setting`,
      )
    }
    return { host: match[1] ?? match[2] ?? '', port: Number(match[3]) }
  })
}

export function formatAddresses(addresses: readonly Address[]): string {
  return addresses.map(({ host, port }) => `${isIP(host) === 6 ? `[${host}]` : host}:${port}`).join(',')
}

/** Milliseconds of a Go duration or of a number of milliseconds; below 0 for a limit that is switched off. */
export function readMilliseconds(text: string, field: string): number {
  const whole = parseGoInt(text, 64, 'Atoi')
  if (typeof whole === 'number') return whole
  const duration = parseGoDuration(text)
  if (duration !== undefined) return duration
  throw new ComponentError(
    `redis client configuration error: decode failed. 1 error(s) decoding:\n\n* error decoding '${field}': invalid value ${quote(text)}: time: invalid duration ${quote(text)}`,
  )
}
