/** JSON answers of plain HTTP listeners. */
import type { ServerResponse } from 'node:http'

/** Answers that carry tokens, or tell why there is none: never to be stored (RFC 6749 section 5.1). */
export function sendJson(
  response: ServerResponse,
  status: number,
  body: unknown,
  headers: Readonly<Record<string, string>> = {},
): void {
  const text = JSON.stringify(body)
  response.writeHead(status, {
    'content-type': 'application/json; charset=utf-8',
    'content-length': Buffer.byteLength(text),
    'cache-control': 'no-store',
    ...headers,
  })
  response.end(text)
}

/** The address of a request, in origin form or (from a proxy) in absolute form. Undefined when it is neither. */
export function requestUrl(target: string | undefined): URL | undefined {
  const text = target ?? '/'
  const absolute = text.startsWith('/') ? `http://localhost${text}` : text
  return URL.canParse(absolute) ? new URL(absolute) : undefined
}
