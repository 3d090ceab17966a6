/** The HTTP client under every Azure SDK here: Go's proxies, azcore's retries, and a record of what the wire said. */
import { AsyncLocalStorage } from 'node:async_hooks'
import diagnosticsChannel from 'node:diagnostics_channel'
import { type ClientRequest, type IncomingMessage, STATUS_CODES } from 'node:http'
import { setTimeout as wait } from 'node:timers/promises'
import {
  createDefaultHttpClient,
  type HttpClient,
  isRestError,
  type PipelineRequest,
  type PipelineResponse,
} from '@azure/core-rest-pipeline'
import { type Agents, createAgents } from './agents.ts'
import { currentCall, type Outcome } from './azure-call.ts'
import { defaultRetry, imdsRetry, type RetryOptions, retryAfterMs, retryDelay } from './retry.ts'

export interface AzureHttpClientOptions {
  readonly environment: Readonly<Record<string, string | undefined>>
  /** Of everything but the instance metadata service, which has its own. */
  readonly retry?: RetryOptions
  /** Resolves after the milliseconds, rejects when aborted. */
  readonly sleep?: (milliseconds: number, signal: AbortSignal | undefined) => Promise<void>
  readonly random?: () => number
  readonly now?: () => number
}

export interface AzureHttpClient extends HttpClient {
  close(): void
}

const sleepFor = async (milliseconds: number, signal: AbortSignal | undefined): Promise<void> =>
  wait(milliseconds, undefined, { signal, ref: true })

/** SDK retries are to be switched off where this client is used. */
export function createAzureHttpClient({
  environment,
  retry = defaultRetry,
  sleep = sleepFor,
  random = Math.random,
  now = Date.now,
}: AzureHttpClientOptions): AzureHttpClient {
  const agents = createAgents(environment)
  const inner = createDefaultHttpClient()

  async function sendRequest(request: PipelineRequest): Promise<PipelineResponse> {
    const options = new URL(request.url).hostname === '169.254.169.254' ? imdsRetry : retry
    const signal = signalOf(request)
    for (let attempt = 1; ; attempt++) {
      const last = attempt > options.maxRetries || !isRepeatable(request)
      let asked: number | undefined
      try {
        const response = await sendOnce(inner, agents, request)
        if (last || !options.statuses.has(response.status)) return response
        asked = retryAfterMs((name) => response.headers.get(name), now())
        if (retryDelay(options, attempt, asked, 0) === undefined) return response
      } catch (error) {
        if (last || signal?.aborted || !isRestError(error)) throw error
      }
      await sleep(retryDelay(options, attempt, asked, random()) ?? 0, signal)
    }
  }

  return { sendRequest, close: () => agents.close() }
}

/** The sender's own signal, and the one of the call around it: not every SDK hands that one on. */
function signalOf(request: PipelineRequest): AbortSignal | undefined {
  const own = request.abortSignal
  const call = currentCall()?.signal
  if (!(own instanceof AbortSignal)) return call
  return call === undefined || call === own ? own : AbortSignal.any([own, call])
}

/** A stream can be sent only once; a function makes a new one each time. */
function isRepeatable({ body }: PipelineRequest): boolean {
  return body === null || body === undefined || typeof body !== 'object' || !('pipe' in body)
}

async function sendOnce(inner: HttpClient, agents: Agents, request: PipelineRequest): Promise<PipelineResponse> {
  const url = new URL(request.url)
  const { agent, proxied } = agents.agentFor(url)
  request.agent = agent
  request.abortSignal = signalOf(request)
  const call = currentCall()
  try {
    const { response, reason } = await withReasonPhrase(() => inner.sendRequest(request))
    if (call) call.outcome = refusal(request, response, reason)
    return response
  } catch (error) {
    if (call && isRestError(error)) {
      const failure = {
        method: request.method,
        url: request.url,
        message: error.message,
        code: error.code ?? '',
        proxied,
      }
      call.outcome = { kind: 'failed', failure }
    }
    throw error
  }
}

/** Only a refusal's body is kept: that of a success may be a secret. */
function refusal(
  request: PipelineRequest,
  response: PipelineResponse,
  reason: string | undefined,
): Outcome | undefined {
  if (response.status < 400) return undefined
  return {
    kind: 'refused',
    response: {
      method: request.method,
      url: request.url,
      status: response.status,
      reason: reason ?? STATUS_CODES[response.status] ?? '',
      errorCode: response.headers.get('x-ms-error-code'),
      body: response.bodyAsText ?? '',
    },
  }
}

/** The SDK's client drops the reason phrase, which Go's text shows, so it is taken from Node's own events. */
const exchanges = new AsyncLocalStorage<{ reason?: string }>()
const exchangeOf = new WeakMap<ClientRequest, { reason?: string }>()

diagnosticsChannel.subscribe('http.client.request.created', (message) => {
  const exchange = exchanges.getStore()
  if (exchange) exchangeOf.set((message as { request: ClientRequest }).request, exchange)
})

diagnosticsChannel.subscribe('http.client.response.finish', (message) => {
  const { request, response } = message as { request: ClientRequest; response: IncomingMessage }
  const exchange = exchangeOf.get(request)
  if (exchange && response.statusMessage) exchange.reason = response.statusMessage
})

async function withReasonPhrase(
  send: () => Promise<PipelineResponse>,
): Promise<{ response: PipelineResponse; reason: string | undefined }> {
  const exchange: { reason?: string } = {}
  const response = await exchanges.run(exchange, send)
  return { response, reason: exchange.reason }
}
