/** A refusal of the proxy: the status a client gets, with the one-line reason that goes into the status line itself. */
import { STATUS_CODES } from 'node:http'
import { printable } from './host-table.ts'

export type ProxyStatus = 400 | 403 | 408 | 413 | 431 | 501 | 502 | 504

export class ProxyError extends Error {
  readonly status: ProxyStatus

  constructor(status: ProxyStatus, reason: string, options?: ErrorOptions) {
    super(reason, options)
    this.name = 'ProxyError'
    this.status = status
  }
}

/**
 * What a client gets for a refused CONNECT (RFC 9110 section 9.3.6). The reason is the status line's phrase as well
 * as the body, since Go, Python and Java show their user the phrase of a proxy's refusal and never its body.
 */
export function refusalBytes({ status, message }: ProxyError): string {
  const phrase = message.split(' ').map(printable).join(' ')
  const body = `${message}\n`
  return [
    `HTTP/1.1 ${status} ${phrase || STATUS_CODES[status]}`,
    'Content-Type: text/plain; charset=utf-8',
    `Content-Length: ${Buffer.byteLength(body)}`,
    'Connection: close',
    '',
    body,
  ].join('\r\n')
}

/** The error a failed connection or resolution means for the proxy's client. */
export function toProxyError(error: unknown, target: string): ProxyError {
  if (error instanceof ProxyError) return error
  const code = error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : 'failed'
  return new ProxyError(502, `no connection to ${printable(target)}: ${code}`, { cause: error })
}
