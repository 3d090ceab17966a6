/** What the ingress answers itself, in the words that Azure's clients see. */

export interface OwnAnswer {
  readonly status: number
  readonly type: 'text/plain' | 'text/html; charset=utf-8'
  readonly body: string
  readonly headers?: readonly string[]
}

const text = (status: number, body: string): OwnAnswer => ({ status, type: 'text/plain', body })

const DISCONNECTED = 'upstream connect error or disconnect/reset before headers. reset reason:'

export const NO_APP: OwnAnswer = {
  status: 404,
  type: 'text/html; charset=utf-8',
  body: `<!doctype html>
<html lang="en">
<head><meta charset="utf-8"><title>Azure Container App - Unavailable</title></head>
<body><h1>Error 404 - This Container App is stopped or does not exist.</h1></body>
</html>
`,
}
export const NOT_ADMITTED = text(403, 'RBAC: access denied')
export const NO_REPLICA = text(503, 'no healthy upstream')
export const NOT_LISTENING = text(
  503,
  `${DISCONNECTED} remote connection failure, transport failure reason: delayed connect error: 111`,
)
export const DISCONNECTED_EARLY = text(503, `${DISCONNECTED} connection termination`)
export const NOT_HTTP = text(502, `${DISCONNECTED} protocol error`)
export const TIMED_OUT = text(504, 'upstream request timeout')

export function redirect(location: string): OwnAnswer {
  return { ...text(301, ''), headers: ['location', location] }
}

export function preflight(headers: readonly string[]): OwnAnswer {
  return { ...text(200, ''), headers }
}
