/** HTTP middleware, one after the other, on the way to the API or to the app (pkg/middleware/http). */
import type { Readable } from 'node:stream'
import type { PipelineHandler } from '../loading/configuration.ts'
import type { Logger } from '../log/logger.ts'

/** A request that middleware may change on its way. */
export interface PipelineRequest {
  method: string
  /** Escaped. */
  path: string
  /** Without the question mark. */
  query: string
  /** Names and values in turn. */
  headers: string[]
  body: Readable | Uint8Array
  /** Of the caller; empty where there is none. */
  readonly remoteAddress?: string
}

/** What is answered instead of passing the request on. */
export interface PipelineAnswer {
  readonly status: number
  readonly headers: readonly string[]
  readonly body: string
}

export interface Middleware {
  /** Undefined: the request goes on. */
  handle(request: PipelineRequest): Promise<PipelineAnswer | undefined> | PipelineAnswer | undefined
}

export interface LoadedMiddleware extends Middleware {
  readonly type: string
  readonly version: string
}

export interface Pipeline {
  run(request: PipelineRequest): Promise<PipelineAnswer | undefined>
}

/** The handlers of a configuration over the components that are loaded, looked up anew by each request: they may be reloaded. */
export function createPipeline(
  handlers: readonly PipelineHandler[],
  loaded: ReadonlyMap<string, LoadedMiddleware>,
  log: Logger,
): Pipeline | undefined {
  if (handlers.length === 0) return undefined
  const told = new Set<string>()
  return {
    async run(request) {
      for (const { name, type } of handlers) {
        const found = loaded.get(name)
        if (!found || found.type.toLowerCase() !== type.toLowerCase()) {
          if (!told.has(name)) log.error(`couldn't find middleware component ${name} (${type}/v1)`)
          told.add(name)
          continue
        }
        told.delete(name)
        const answer = await found.handle(request)
        if (answer) return answer
      }
      return undefined
    },
  }
}

/** A header of a request, `name` in lower case. */
export function headerOf(request: PipelineRequest, name: string): string | undefined {
  const { headers } = request
  for (let i = 0; i < headers.length; i += 2) if (headers[i]?.toLowerCase() === name) return headers[i + 1]
  return undefined
}

/** Go's `http.Error` with a status's own text, or another. */
export function refusal(status: number, text: string): PipelineAnswer {
  const headers = ['Content-Type', 'text/plain; charset=utf-8', 'X-Content-Type-Options', 'nosniff']
  return { status, headers, body: `${text}\n` }
}
