/** One HTTP request to a server that a component's metadata names, its failures worded as Go's net/http words them. */
import http from 'node:http'
import https from 'node:https'
import type { ConnectionOptions } from 'node:tls'
import { formatNetworkError } from '../azure/network-error.ts'
import { ComponentError } from '../component-error.ts'

export interface HttpRequest {
  readonly method: string
  readonly url: URL
  readonly headers: Readonly<Record<string, string>>
  readonly body?: string
}

export interface HttpAnswer {
  readonly status: number
  /** E.g. `Forbidden`. */
  readonly reason: string
  readonly body: string
}

export interface HttpClient {
  /** Rejects with a ComponentError, e.g. `Get "https://…": dial tcp 127.0.0.1:8200: connect: connection refused`. */
  send(request: HttpRequest, signal: AbortSignal): Promise<HttpAnswer>
  close(): void
}

/** More than any secret store sends at once; a server that never stops must not fill the memory. */
const maxBodyBytes = 64 * 1024 * 1024
const maxRedirects = 10

/** @param tls for `https:` addresses; Node's own authorities where it names none */
export function createHttpClient(tls: ConnectionOptions): HttpClient {
  const agents = {
    'http:': new http.Agent({ keepAlive: true }),
    'https:': new https.Agent({ keepAlive: true, minVersion: 'TLSv1.2', ...tls }),
  }
  return {
    async send(request, signal) {
      let current = request
      for (let redirects = 0; ; redirects++) {
        const { answer, location } = await sendOnce(current, agents, signal)
        if (location === undefined) return answer
        if (redirects === maxRedirects) throw new ComponentError(`stopped after ${maxRedirects} redirects`)
        const url = new URL(location, current.url)
        // What the headers hold must not leave a connection that was secure.
        if (url.protocol !== current.url.protocol) {
          throw new ComponentError(`a redirect from ${current.url.protocol} to ${url.protocol} is not followed`)
        }
        current = { ...current, url }
      }
    },
    close() {
      for (const agent of Object.values(agents)) agent.destroy()
    },
  }
}

interface Sent {
  readonly answer: HttpAnswer
  /** Of a redirect. */
  readonly location?: string
}

function sendOnce(
  { method, url, headers, body }: HttpRequest,
  agents: { readonly 'http:': http.Agent; readonly 'https:': https.Agent },
  signal: AbortSignal,
): Promise<Sent> {
  return new Promise((resolve, reject) => {
    const fail = (error: NodeJS.ErrnoException): void => {
      if (signal.aborted) {
        reject(signal.reason)
        return
      }
      const code = error.code ?? (error.name === 'Error' && error.message === 'aborted' ? 'PARSE_ERROR' : '')
      const failure = { method, url: url.href, code, message: error.message, proxied: false }
      reject(new ComponentError(formatNetworkError(failure)))
    }
    const secure = url.protocol === 'https:'
    const options = { method, headers, signal, agent: secure ? agents['https:'] : agents['http:'] }
    const request = (secure ? https : http).request(url, options, (response) => {
      const chunks: Buffer[] = []
      let length = 0
      response.on('data', (chunk: Buffer) => {
        length += chunk.length
        if (length > maxBodyBytes) response.destroy(new Error('http: response body too large'))
        chunks.push(chunk)
      })
      response.on('error', (error: NodeJS.ErrnoException) =>
        fail(error.code === 'ECONNRESET' ? Object.assign(error, { code: 'PARSE_ERROR' }) : error),
      )
      response.on('end', () => {
        const { statusCode: status = 0, statusMessage: reason = '', headers: received } = response
        const answer = { status, reason, body: Buffer.concat(chunks).toString('utf8') }
        const isRedirect = [301, 302, 307, 308].includes(status) && received.location !== undefined
        resolve({ answer, ...(isRedirect && { location: received.location }) })
      })
    })
    request.on('error', fail)
    request.end(body)
  })
}
