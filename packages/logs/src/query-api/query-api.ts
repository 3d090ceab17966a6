/** `api.loganalytics.io`: queries over a workspace, by who holds the right to query it. */
import { randomUUID } from 'node:crypto'
import type { IncomingMessage, RequestListener, ServerResponse } from 'node:http'
import { type AuditTrail, type Authorizer, type Decision, describeDecision } from '@keystead/authorization'
import { type Caller, TokenError, type TokenVerifier } from '@keystead/identity'
import type { Resource } from '@keystead/resource-manager'
import { z } from 'zod'
import type { LogsClient } from '../logs-client.ts'
import { customerIdOf } from '../provider/workspaces.ts'
import type { QueryResult } from '../query-engine.ts'
import { jsonText } from '../sql-functions/json.ts'
import {
  badArgument,
  bodyTooLarge,
  insufficientAccess,
  logsAway,
  pathNotFound,
  QueryApiError,
  queryFailed,
  queryRefused,
  timedOut,
  unauthorized,
  workspaceNotFound,
} from './query-error.ts'
import { parseTimeRange } from './time-span.ts'

const audiences = ['https://api.loganalytics.io']
const action = 'Microsoft.OperationalInsights/workspaces/query/read'
const longestBody = 1024 * 1024
/** As on Azure. */
const mostRows = 500_000
const defaultSeconds = 180
const mostSeconds = 600

const queryBody = z.object({
  query: z.string().min(1),
  timespan: z.string().nullish(),
  workspaces: z.array(z.string()).nullish(),
})
const batchBody = z.object({
  requests: z
    .array(
      z.object({
        id: z.string(),
        workspace: z.string(),
        body: queryBody,
        headers: z.record(z.string(), z.string()).nullish(),
      }),
    )
    .max(100),
})

export interface QueryApiOptions {
  readonly logs: LogsClient
  readonly verifier: TokenVerifier
  readonly authorizer: Authorizer
  readonly audit: AuditTrail
  readonly tenantId: string
  readonly clock: () => number
  /** By its customer id or its resource id. */
  readonly findWorkspace: (id: string) => Promise<Resource | undefined>
  readonly log: (level: 'info' | 'warn' | 'error', message: string, fields?: Record<string, unknown>) => void
}

interface Query {
  readonly workspace: string
  readonly query: string
  readonly timespan: string | undefined
  readonly prefer: string
}

export class QueryApi {
  readonly #options: QueryApiOptions

  constructor(options: QueryApiOptions) {
    this.#options = options
  }

  readonly listener: RequestListener = (request, response) => {
    this.#answer(request, response).catch((error: unknown) => send(response, this.#failure(error)))
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const caller = await this.#authenticate(request)
    const left = new AbortController()
    response.once('close', () => left.abort())
    const url = new URL(request.url ?? '/', 'https://api.loganalytics.io')
    const prefer = String(request.headers.prefer ?? '')
    if (request.method === 'POST' && /^\/v1\/\$batch$/i.test(url.pathname)) {
      const { requests } = parse(batchBody, await readJson(request))
      const responses = await Promise.all(
        requests.map(async ({ id, workspace, body, headers }) => {
          const query = {
            workspace,
            query: body.query,
            timespan: body.timespan ?? undefined,
            prefer: headers?.prefer ?? '',
          }
          const { status, body: answer } = await this.#run(query, caller, request, left.signal).catch(
            (error: unknown) => this.#failure(error),
          )
          return { id, status, headers: {}, body: answer }
        }),
      )
      return send(response, { status: 200, body: { responses }, headers: {} })
    }
    const workspace = workspaceOf(decode(url.pathname))
    if (workspace === undefined) throw pathNotFound()
    const asked =
      request.method === 'POST'
        ? parse(queryBody, await readJson(request))
        : request.method === 'GET'
          ? parse(queryBody, Object.fromEntries(url.searchParams))
          : undefined
    if (!asked) throw pathNotFound()
    const query = { workspace, query: asked.query, timespan: asked.timespan ?? undefined, prefer }
    if (asked.workspaces?.length) throw badArgument('A query over several workspaces is not implemented by Keystead.')
    send(response, await this.#run(query, caller, request, left.signal))
  }

  async #authenticate(request: IncomingMessage): Promise<Caller> {
    try {
      return await this.#options.verifier.verify(request.headers.authorization, audiences)
    } catch (error) {
      throw error instanceof TokenError ? unauthorized(error, this.#options.tenantId) : error
    }
  }

  async #run(query: Query, caller: Caller, request: IncomingMessage, signal: AbortSignal): Promise<Answer> {
    const workspace = await this.#options.findWorkspace(query.workspace)
    if (!workspace) throw workspaceNotFound()
    const decision = this.#decide(caller, workspace.id)
    await this.#audit(decision, caller, request, workspace.id)
    if (!decision.allowed) throw insufficientAccess()
    const now = this.#options.clock()
    const range = query.timespan ? parseTimeRange(query.timespan, now) : undefined
    if (query.timespan && !range) throw badArgument(`'${query.timespan.slice(0, 100)}' is not an ISO 8601 time span.`)
    const seconds = secondsOf(query.prefer)
    const startedAt = performance.now()
    const outcome = await this.#options.logs
      .query(
        {
          workspace: customerIdOf(workspace),
          query: query.query,
          now,
          rows: mostRows,
          timeoutMs: seconds * 1000,
          range,
        },
        signal,
      )
      .catch((error: unknown) => {
        this.#options.log('warn', 'The logs process did not answer', { error: String(error) })
        throw logsAway()
      })
    switch (outcome.kind) {
      case 'result':
        return {
          status: 200,
          body: this.#body(outcome.result, query.prefer, performance.now() - startedAt),
          headers: {},
        }
      case 'refused':
        throw queryRefused(outcome.error)
      case 'timedOut':
        throw timedOut(seconds)
      case 'failed':
        this.#options.log('error', 'A query failed', { error: outcome.message })
        throw queryFailed()
    }
  }

  #decide(caller: Caller, scope: string): Decision {
    const principal = { tenantId: caller.tenantId, objectId: caller.objectId, groupIds: caller.groupIds }
    return this.#options.authorizer.decide({ by: 'role', principal, action, plane: 'control', scope })
  }

  async #audit(decision: Decision, caller: Caller, request: IncomingMessage, resource: string): Promise<void> {
    await this.#options.audit.append({
      service: 'logs',
      operation: 'Query',
      requestId: randomUUID(),
      callerIp: request.socket.remoteAddress ?? '',
      caller: { appId: caller.appId, objectId: caller.objectId, tenantId: caller.tenantId },
      resource,
      status: decision.allowed ? 200 : 403,
      decision,
    })
    if (!decision.allowed) this.#options.log('warn', 'A query was refused', { decision: describeDecision(decision) })
  }

  #body({ columns, rows, render, truncated }: QueryResult, prefer: string, ms: number): unknown {
    return {
      tables: [{ name: 'PrimaryResult', columns, rows }],
      ...(prefer.includes('include-render') ? { render: { visualization: render ?? null } } : {}),
      ...(prefer.includes('include-statistics')
        ? { statistics: { query: { executionTime: ms / 1000, datasetStatistics: [{ tableRowCount: rows.length }] } } }
        : {}),
      ...(truncated ? { error: partialError } : {}),
    }
  }

  #failure(error: unknown): Answer {
    if (error instanceof QueryApiError)
      return { status: error.status, body: { error: error.error }, headers: error.headers }
    this.#options.log('error', 'A query request failed', {
      error: error instanceof Error ? error.message : String(error),
    })
    return { status: 500, body: { error: queryFailed().error }, headers: {} }
  }
}

interface Answer {
  readonly status: number
  readonly body: unknown
  readonly headers: Readonly<Record<string, string>>
}

const partialError = {
  code: 'PartialError',
  message: 'There were some errors when processing your query.',
  details: [
    {
      code: 'EngineError',
      message: `The result has more than ${mostRows} rows: the rest is left out.`,
      innererror: { code: '-2133196797', message: 'The results of this query exceed the set limit of rows.' },
    },
  ],
}

/** `/v1/workspaces/ID/query`, or `/v1/RESOURCE-ID/query`. */
function workspaceOf(path: string): string | undefined {
  const byId = /^\/v1\/workspaces\/([^/]+)\/query\/?$/i.exec(path)
  if (byId) return byId[1]
  return /^\/v1(\/subscriptions\/.+)\/query\/?$/i.exec(path)?.[1]
}

function decode(path: string): string {
  try {
    return decodeURIComponent(path)
  } catch {
    throw pathNotFound()
  }
}

function secondsOf(prefer: string): number {
  const wait = Number(/(?:^|[,;\s])wait=(\d+)/.exec(prefer)?.[1] ?? defaultSeconds)
  return Math.min(Math.max(wait, 1), mostSeconds)
}

function parse<Body>(schema: z.ZodType<Body>, value: unknown): Body {
  const parsed = schema.safeParse(value)
  if (parsed.success) return parsed.data
  const [issue] = parsed.error.issues
  throw badArgument(`${issue?.path.join('.') || 'body'}: ${issue?.message}`)
}

async function readJson(request: IncomingMessage): Promise<unknown> {
  const chunks: Buffer[] = []
  let size = 0
  for await (const chunk of request as AsyncIterable<Buffer>) {
    size += chunk.length
    if (size > longestBody) throw bodyTooLarge()
    chunks.push(chunk)
  }
  try {
    return JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(Buffer.concat(chunks)))
  } catch {
    throw badArgument('The body is not JSON.')
  }
}

function send(response: ServerResponse, { status, body, headers }: Answer): void {
  if (response.destroyed) return
  response.writeHead(status, { 'content-type': 'application/json; charset=utf-8', ...headers }).end(jsonText(body))
}
