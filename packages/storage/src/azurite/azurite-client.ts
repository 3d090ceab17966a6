/** HTTP to Azurite on loopback, each request signed with the account's internal key. */
import http, { type IncomingMessage } from 'node:http'
import { signForAzurite } from '../data-plane/shared-key.ts'
import { operationTimedOut, serverBusy } from '../data-plane/storage-error.ts'
import { encodePath, encodeQuery, type Service } from '../data-plane/wire-request.ts'
import { deriveAzuriteKey } from './internal-key.ts'

export interface AzuriteRequest {
  readonly service: Service
  /** The account's name inside Azurite. */
  readonly account: string
  readonly method: string
  readonly segments: readonly string[]
  readonly query: ReadonlyMap<string, string>
  /** Without Host, Authorization and hop-by-hop headers; the case of names is kept. */
  readonly headers: readonly (readonly [name: string, value: string])[]
  /** Unsigned requests get only what a public container gives anybody. */
  readonly signed: boolean
  /** May be sent a second time when a kept-alive connection turns out to be closed. Only without a body. */
  readonly repeatable: boolean
}

/** An answer whose body has not been read yet. */
export type AzuriteAnswer = IncomingMessage

export interface AzuriteExchange {
  readonly answer: Promise<AzuriteAnswer>
  /** Where the body is written; ended by the caller. */
  readonly body: http.ClientRequest
  abort(): void
}

/** A connection that says nothing for this long is given up, in milliseconds. */
const silence = 60_000

const apiVersion = '2025-11-05'

export class AzuriteClient {
  readonly #urls: Readonly<Record<Service, URL>>
  readonly #secret: string
  readonly #clock: () => number
  readonly #agent = new http.Agent({ keepAlive: true, maxSockets: 256, maxFreeSockets: 64 })

  constructor(options: {
    readonly blob: string
    readonly queue: string
    readonly secret: string
    readonly clock: () => number
  }) {
    this.#urls = { blob: new URL(options.blob), queue: new URL(options.queue) }
    this.#secret = options.secret
    this.#clock = options.clock
  }

  /** Sends a request whose body the caller writes. `answer` rejects with ServerBusy when Azurite is not there. */
  open(request: AzuriteRequest): AzuriteExchange {
    const outgoing = http.request(this.#options(request))
    return { answer: answerOf(outgoing), body: outgoing, abort: () => outgoing.destroy() }
  }

  /** Sends a request without a body (or with a small one). */
  async send(request: AzuriteRequest, body?: Uint8Array, signal?: AbortSignal): Promise<AzuriteAnswer> {
    for (let attempt = 0; ; attempt++) {
      const outgoing = http.request({ ...this.#options(request), ...(signal && { signal }) })
      const answer = answerOf(outgoing)
      outgoing.end(body)
      try {
        return await answer
      } catch (error) {
        if (!request.repeatable || attempt > 0 || !outgoing.reusedSocket || signal?.aborted) throw error
      }
    }
  }

  /** The whole body of an answer, up to `limit` bytes. */
  static async text(answer: AzuriteAnswer, limit = 8 * 1024 * 1024): Promise<string> {
    const chunks: Buffer[] = []
    let size = 0
    const tooLong = new Error('an answer of Azurite is too long')
    try {
      for await (const chunk of answer) {
        size += chunk.length
        if (size > limit) throw tooLong
        chunks.push(chunk)
      }
    } catch (error) {
      // It went away in the middle of its answer.
      throw error === tooLong ? error : serverBusy()
    }
    return Buffer.concat(chunks).toString('utf8')
  }

  close(): void {
    this.#agent.destroy()
  }

  #options(request: AzuriteRequest): http.RequestOptions {
    const url = this.#urls[request.service]
    const rawPath = encodePath(request.segments)
    const pairs = request.headers.map(([name, value]) => [name, value] as const)
    const given = new Set(pairs.map(([name]) => name.toLowerCase()))
    if (request.signed || !given.has('x-ms-date')) pairs.push(['x-ms-date', new Date(this.#clock()).toUTCString()])
    if (!given.has('x-ms-version')) pairs.push(['x-ms-version', apiVersion])
    const lower: Record<string, string> = {}
    for (const [name, value] of pairs) {
      const key = name.toLowerCase()
      lower[key] = lower[key] === undefined ? value : `${lower[key]}, ${value}`
    }
    const headers: Record<string, string | string[]> = {
      Host: `${request.account}.${request.service}.core.windows.net`,
    }
    for (const [name, value] of pairs) {
      const before = headers[name]
      headers[name] = before === undefined ? value : [before, value].flat()
    }
    if (request.signed) {
      const signed = { method: request.method, rawPath, query: request.query, headers: lower }
      headers.Authorization = signForAzurite(signed, request.account, deriveAzuriteKey(this.#secret, request.account))
    }
    return {
      agent: this.#agent,
      host: url.hostname,
      port: url.port,
      method: request.method,
      path: `${rawPath}${encodeQuery(request.query)}`,
      headers,
      setDefaultHeaders: false,
    }
  }
}

function answerOf(outgoing: http.ClientRequest): Promise<AzuriteAnswer> {
  return new Promise((resolve, reject) => {
    let answered: AzuriteAnswer | undefined
    outgoing.setTimeout(silence, () => {
      // With bytes waiting it is the client who is slow.
      if (answered === undefined || answered.readableLength === 0) outgoing.destroy(operationTimedOut())
    })
    outgoing.once('response', (answer) => {
      answered = answer
      // An answer that nobody reads any more may still break off; who reads it hears of it all the same.
      answer.on('error', () => {})
      resolve(answer)
    })
    outgoing.on('error', (error: NodeJS.ErrnoException) => {
      reject(error.name === 'StorageError' || error.name === 'AbortError' ? error : serverBusy())
    })
  })
}
