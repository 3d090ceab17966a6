/** Forwards a plain-HTTP proxy request to a foreign host, streaming both ways (RFC 9110 section 7.6). */
import type { IncomingMessage, ServerResponse } from 'node:http'
import { pipeline } from 'node:stream'
import type { Outbound } from './outbound.ts'
import { type ProxyError, toProxyError } from './proxy-error.ts'
import { formatTarget, type ProxyTarget } from './proxy-target.ts'

/** Headers that concern one connection, or only this proxy (RFC 9110 section 7.6.1). */
const HOP_BY_HOP = new Set([
  'connection',
  'expect',
  'host',
  'keep-alive',
  'proxy-authenticate',
  'proxy-authorization',
  'proxy-connection',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
])

/** Sends the request on and its answer back. A failure before the answer's head goes to `refuse`; a later one breaks the connection. */
export async function forwardPlainRequest(
  request: IncomingMessage,
  response: ServerResponse,
  target: ProxyTarget & { readonly path: string },
  outbound: Outbound,
  refuse: (error: ProxyError) => void,
): Promise<void> {
  const host = target.port === 80 ? formatTarget(target).replace(/:80$/, '') : formatTarget(target)
  const headers = ['Host', host, 'Connection', 'close', ...endToEndHeaders(request)]
  // A body of unknown length goes on in chunks; Node adds the header only where it was not told all headers.
  if (request.headers['transfer-encoding'] !== undefined) headers.push('Transfer-Encoding', 'chunked')
  try {
    const forwarded = await outbound.request(target, { method: request.method ?? 'GET', path: target.path, headers })
    response.once('close', () => forwarded.destroy())
    if (response.destroyed) {
      forwarded.destroy()
      return
    }
    forwarded.once('response', (answer) => {
      response.writeHead(answer.statusCode ?? 502, answer.statusMessage, endToEndHeaders(answer))
      pipeline(answer, response, () => forwarded.destroy())
    })
    forwarded.on('error', (error) => {
      if (response.headersSent) response.destroy()
      else refuse(toProxyError(error, target.host))
    })
    // Not a pipeline: when the far end answers early and stops reading, its answer must still go through.
    request.pipe(forwarded)
  } catch (error) {
    refuse(toProxyError(error, target.host))
  }
}

/** Name, value, name, value, ... as received, without what belongs to the one connection. */
function endToEndHeaders(message: IncomingMessage): string[] {
  const named = message.headers.connection?.split(',').map((name) => name.trim().toLowerCase()) ?? []
  const dropped = new Set([...HOP_BY_HOP, ...named])
  const kept: string[] = []
  for (let index = 0; index + 1 < message.rawHeaders.length; index += 2) {
    const name = message.rawHeaders[index] ?? ''
    if (!dropped.has(name.toLowerCase())) kept.push(name, message.rawHeaders[index + 1] ?? '')
  }
  return kept
}
