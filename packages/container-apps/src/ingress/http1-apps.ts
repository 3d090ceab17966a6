/** Requests to apps that speak HTTP/1.1, over connections that are kept. */
import { PassThrough, type Readable } from 'node:stream'
import { Client, type Dispatcher, Pool } from 'undici'
import type { Exchange } from './exchange.ts'
import { DISCONNECTED_EARLY, NOT_HTTP, NOT_LISTENING, type OwnAnswer, TIMED_OUT } from './own-answer.ts'

/** Shorter than what common servers keep an idle connection for, where they do not say (uvicorn and Node: 5 seconds). */
const KEEP_ALIVE = 4_000
const DISCONNECTED = new Set(['UND_ERR_SOCKET', 'ECONNRESET', 'EPIPE'])
const MAXIMUM_HEADER_BYTES = 65_536

const POOL_OPTIONS: Client.Options = {
  allowH2: false,
  keepAliveTimeout: KEEP_ALIVE,
  maxHeaderSize: MAXIMUM_HEADER_BYTES,
  // An app takes as long as the ingress' own time allows.
  headersTimeout: 0,
  bodyTimeout: 0,
}

export class Http1Apps {
  /** By address. */
  readonly #pools = new Map<string, Pool>()

  send(exchange: Exchange): void {
    const handler = new Answer(exchange, () => {
      // Of the kept connections, others may be closed as well.
      const client = new Client(exchange.address, POOL_OPTIONS)
      client.dispatch({ ...optionsOf(exchange), reset: true }, handler)
      void client.close()
    })
    const body = exchange.hasBody ? bodyOf(exchange) : null
    this.#poolOf(exchange.address).dispatch({ ...optionsOf(exchange), body }, handler)
  }

  async close(): Promise<void> {
    const pools = [...this.#pools.values()]
    this.#pools.clear()
    await Promise.all(pools.map((pool) => pool.destroy()))
  }

  #poolOf(address: string): Pool {
    const known = this.#pools.get(address)
    if (known) return known
    const pool = new Pool(address, POOL_OPTIONS)
    // A replica that is gone leaves no pool behind.
    pool.on('disconnect', () => {
      const { connected, pending, running } = pool.stats
      if (connected + pending + running > 0 || this.#pools.get(address) !== pool) return
      this.#pools.delete(address)
      void pool.close()
    })
    this.#pools.set(address, pool)
    return pool
  }
}

function optionsOf({ request, headers }: Exchange): Dispatcher.DispatchOptions {
  return { method: request.method as Dispatcher.HttpMethod, path: request.url ?? '/', headers: headers as string[] }
}

/** The client's stream itself would be destroyed with a failed request, and with it the way to tell the client. */
function bodyOf({ request }: Exchange): Readable {
  const body = new PassThrough()
  request.pipe(body)
  request.once('close', () => {
    if (!request.readableEnded) body.destroy(new Error('the client is gone'))
  })
  return body
}

class Answer implements Dispatcher.DispatchHandler {
  readonly #exchange: Exchange
  #again: (() => void) | undefined
  #resume: () => void = () => {}

  /** `again` sends the request once more. */
  constructor(exchange: Exchange, again: () => void) {
    this.#exchange = exchange
    const { method } = exchange.request
    // What an idle connection was closed under can be sent again where that changes nothing (RFC 9110 section 9.2.2).
    if (!exchange.hasBody && (method === 'GET' || method === 'HEAD' || method === 'OPTIONS')) this.#again = again
  }

  onRequestStart(controller: Dispatcher.DispatchController): void {
    const abort = () => controller.abort(new Error('nobody waits for the answer'))
    if (this.#exchange.over) abort()
    else this.#exchange.onAbort(abort)
    this.#resume = () => controller.resume()
  }

  onResponseStart(
    controller: Dispatcher.DispatchController,
    status: number,
    _headers: unknown,
    message?: string,
  ): void {
    if (status < 200) return
    this.#again = undefined
    this.#exchange.head(status, message, (controller.rawHeaders as Buffer[]).map(latin1))
  }

  onResponseData(controller: Dispatcher.DispatchController, chunk: Buffer): void {
    if (!this.#exchange.data(chunk, this.#resume)) controller.pause()
  }

  onResponseEnd(controller: Dispatcher.DispatchController): void {
    const trailers = controller.rawTrailers as Buffer[] | undefined
    if (trailers && trailers.length > 0) this.#exchange.trailers(trailers.map(latin1))
    this.#exchange.end()
  }

  onResponseError(_controller: Dispatcher.DispatchController, error: Error): void {
    const again = this.#again
    this.#again = undefined
    if (again && !this.#exchange.over && DISCONNECTED.has(codeOf(error))) again()
    else this.#exchange.fail(answerFor(error))
  }
}

function latin1(bytes: Buffer | string): string {
  return typeof bytes === 'string' ? bytes : bytes.toString('latin1')
}

function codeOf(error: Error): string {
  return 'code' in error && typeof error.code === 'string' ? error.code : ''
}

/** What a client gets for the failure of an app's connection. */
export function answerFor(error: Error): OwnAnswer {
  const code = codeOf(error)
  if (code === 'ECONNREFUSED' || code === 'EHOSTUNREACH') return NOT_LISTENING
  if (code === 'UND_ERR_CONNECT_TIMEOUT' || code === 'ETIMEDOUT') return TIMED_OUT
  return code.startsWith('HPE_') ? NOT_HTTP : DISCONNECTED_EARLY
}
