/** A failed HTTP request in the words of Go's client. */
import { errorText } from '../runtime/error-text.ts'

const dialTexts: Readonly<Record<string, string>> = {
  ECONNREFUSED: 'connect: connection refused',
  EHOSTUNREACH: 'connect: no route to host',
  ENETUNREACH: 'connect: network is unreachable',
  ETIMEDOUT: 'i/o timeout',
}

/** `dial tcp 127.0.0.1:8080: connect: connection refused`, or what the error says itself. */
export function dialText(error: unknown): string {
  const [first] = error instanceof AggregateError ? error.errors : [error]
  if (!(first instanceof Error)) return errorText(error)
  const { code, address, port, hostname } = first as NodeJS.ErrnoException & {
    address?: string
    port?: number
    hostname?: string
  }
  const words = dialTexts[code ?? '']
  if (words !== undefined) {
    const host = address?.includes(':') ? `[${address}]` : (address ?? '')
    return `dial tcp ${host}:${port ?? 0}: ${words}`
  }
  if (code === 'ENOTFOUND' || code === 'EAI_AGAIN') return `dial tcp: lookup ${hostname ?? ''}: no such host`
  if (code === 'ECONNRESET') return first.message === 'socket hang up' ? 'EOF' : 'read: connection reset by peer'
  return first.message
}

export function goClientError(verb: string, url: string, error: unknown, signal: AbortSignal): Error {
  const shown = verb.slice(0, 1) + verb.slice(1).toLowerCase()
  if (signal.aborted) {
    const reason = signal.reason instanceof Error ? signal.reason.message : ''
    const words = reason === 'context deadline exceeded' ? reason : 'context canceled'
    return new Error(`${shown} ${JSON.stringify(url)}: ${words}`)
  }
  return new Error(`${shown} ${JSON.stringify(url)}: ${dialText(error)}`, { cause: error })
}
