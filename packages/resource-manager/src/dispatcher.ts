/** The way of one request: path, api-version, caller, operation, decision, group, body, handler, audit, answer. */
import { randomUUID } from 'node:crypto'
import type { IncomingMessage, RequestListener, ServerResponse } from 'node:http'
import { type AuditTrail, type Authorizer, type Decision, type Principal, refusalHint } from '@keystead/authorization'
import type { Caller, TokenVerifier } from '@keystead/identity'
import { ArmError } from './arm-error.ts'
import {
  authorizationFailed,
  internalError,
  invalidRequestContent,
  invalidSubscriptionId,
  locationNotAvailable,
  locationRequired,
  missingApiVersion,
  parentResourceNotFound,
  resourceGroupBeingDeleted,
  resourceGroupNotFound,
  resourceLocationFixed,
  resourceNotFound,
  serviceUnavailable,
  subscriptionNotFound,
} from './arm-errors.ts'
import { authenticate } from './authentication.ts'
import { cloudMetadata, metadataPath } from './cloud-metadata.ts'
import { hasAssignmentBelow } from './effective-scope.ts'
import { existingScope } from './existing-scope.ts'
import type { GroupWrites, WriteQueue } from './group-writes.ts'
import { isRecord, withoutNulls } from './json.ts'
import { RequestAbortedError, readJsonBody, readTextBody } from './json-body.ts'
import { knownRequestPath } from './known-paths.ts'
import { checkLocks } from './locks.ts'
import type { LongRunningOperations } from './long-running.ts'
import type { DeclaredOperation, OperationContext, OperationResult } from './operation.ts'
import { type Match, type OperationTable, systemNamespace } from './operation-table.ts'
import { operationHeaders } from './operation-urls.ts'
import { normalizeLocation } from './regions.ts'
import { parseRequestPath, type RequestPath } from './request-path.ts'
import { formatResourceId, parseResourceId, type ResourceId } from './resource-id.ts'
import type { ResourceStore } from './resource-store.ts'
import type { Subscriptions } from './subscriptions.ts'
import { checkTags } from './tags.ts'

export interface DispatcherOptions {
  readonly table: OperationTable
  readonly operations: LongRunningOperations
  readonly resources: ResourceStore
  readonly authorizer: Authorizer
  readonly verifier: TokenVerifier
  readonly audit: AuditTrail
  readonly subscriptions: Subscriptions
  readonly writes: WriteQueue
  readonly groupWrites: GroupWrites
  readonly clock: () => number
  readonly log: (level: 'info' | 'warn' | 'error', message: string, fields?: Record<string, unknown>) => void
}

/** What is known of a request so far: enough to audit it wherever it ends. */
interface Exchange {
  readonly requestId: string
  operation: string
  resource: string
  caller?: Caller
  decision?: Decision
  /** A write is audited whatever its end; a read only when it is refused. */
  write: boolean
  /** The long-running operation that it began. */
  started?: string
}

const guid = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i
const resourceGroupType = 'microsoft.resources/subscriptions/resourcegroups'

/** A request as it is worked on, wherever it comes from. */
interface ArmRequest {
  readonly method: string
  readonly pathname: string
  readonly query: Readonly<Record<string, string>>
  readonly headers: Readonly<Record<string, string | undefined>>
  readonly baseUrl: string
  readonly callerIp?: string | undefined
  authenticate(): Caller | Promise<Caller>
  /** The body in the form that the operation reads it in. */
  read(content: NonNullable<DeclaredOperation['content']>): Promise<unknown>
}

/** A request on behalf of a caller who has been authenticated before: one step of a deployment. */
export interface CallerRequest {
  readonly caller: Caller
  readonly method: 'GET' | 'PUT' | 'POST' | 'DELETE'
  /** A resource's id (and the verb of a POST). */
  readonly path: string
  readonly apiVersion: string
  /** A JSON value; for an operation with `content: 'text'`, its text. */
  readonly body?: unknown
  /** By name in lower case. */
  readonly headers?: Readonly<Record<string, string>>
}

export interface Dispatcher {
  readonly listener: RequestListener
  /** As if the caller had sent it: decided, locked, audited. Resolves when its long-running operation has ended. Rejects with ArmError. */
  execute(request: CallerRequest): Promise<OperationResult>
  /** The action that the request needs, and whether the caller holds it. Throws ArmError for an unknown type or api-version. */
  preflight(request: Omit<CallerRequest, 'body' | 'headers'>): { readonly action: string; readonly allowed: boolean }
}

export function createDispatcher(options: DispatcherOptions): Dispatcher {
  return {
    listener: (request, response) => {
      void exchange(options, request, response)
    },
    async execute(request) {
      const about = newExchange(request.method)
      const result = await audited(options, fromCaller(request), about)
      if (result instanceof ArmError) throw result
      if (about.started === undefined) return result
      const outcome = await options.operations.outcome(about.started)
      return outcome === undefined ? result : { ...result, body: outcome }
    },
    preflight({ caller, method, path, apiVersion }) {
      const { operation, reading } = find(options, parseRequestPath(encodeURI(path), method), method, apiVersion)
      const principal: Principal = { tenantId: caller.tenantId, objectId: caller.objectId, groupIds: caller.groupIds }
      const { action } = operation
      return {
        action,
        allowed: options.authorizer.decide({ by: 'role', principal, action, plane: 'control', scope: reading.path })
          .allowed,
      }
    },
  }
}

const newExchange = (method: string): Exchange => ({
  requestId: randomUUID(),
  operation: method,
  resource: '',
  write: false,
})

function fromCaller({ caller, method, path, apiVersion, body, headers = {} }: CallerRequest): ArmRequest {
  return {
    method,
    pathname: encodeURI(path),
    query: { 'api-version': apiVersion },
    headers,
    baseUrl: 'https://management.azure.com',
    authenticate: () => caller,
    read: async () => body,
  }
}

function fromWire(options: DispatcherOptions, request: IncomingMessage): ArmRequest {
  const { pathname, query } = splitUrl(request.url ?? '/')
  return {
    method: request.method ?? 'GET',
    pathname,
    query,
    headers: singleHeaders(request),
    baseUrl: baseUrlOf(request),
    callerIp: request.socket.remoteAddress,
    authenticate: () =>
      authenticate(options.verifier, request.headers.authorization, options.subscriptions.first.tenantId),
    read: (content) => (content === 'text' ? readTextBody(request) : readJsonBody(request)),
  }
}

async function exchange(options: DispatcherOptions, request: IncomingMessage, response: ServerResponse): Promise<void> {
  const about = newExchange(request.method ?? '')
  let result: OperationResult | ArmError
  try {
    result = await audited(options, fromWire(options, request), about)
  } catch (error) {
    if (error instanceof RequestAbortedError) {
      response.destroy()
      return
    }
    throw error
  }
  try {
    send(options, request, response, about, result)
  } catch (error) {
    // A handler gave what cannot be written: the caller gets no answer rather than half of one.
    unexpected(options, about, error)
    response.destroy()
  }
}

/** The answer, or the error that stands for it, once it is in the audit trail. Rejects with RequestAbortedError only. */
async function audited(
  options: DispatcherOptions,
  request: ArmRequest,
  about: Exchange,
): Promise<OperationResult | ArmError> {
  const started = options.clock()
  let result: OperationResult | ArmError
  try {
    result = await answer(options, request, about)
  } catch (error) {
    if (error instanceof RequestAbortedError) throw error
    result = error instanceof ArmError ? error : unexpected(options, about, error)
  }
  if (about.write || result.status === 401 || result.status === 403) {
    try {
      await options.audit.append({
        service: 'resource-manager',
        operation: about.operation,
        requestId: about.requestId,
        resource: about.resource,
        status: result.status,
        durationMs: options.clock() - started,
        ...(request.callerIp !== undefined && { callerIp: request.callerIp }),
        ...(about.caller !== undefined && {
          caller: {
            appId: about.caller.appId,
            objectId: about.caller.objectId,
            tenantId: about.caller.tenantId,
          },
        }),
        ...(about.decision !== undefined && { decision: about.decision }),
      })
      if (result.status === 403) await logRefusal(options, about)
    } catch (error) {
      result = unexpected(options, about, error)
    }
  }
  return result
}

async function answer(options: DispatcherOptions, request: ArmRequest, about: Exchange): Promise<OperationResult> {
  await options.operations.resume()
  const { method, query, headers, baseUrl } = request
  if (method === 'GET' && metadataPath.test(request.pathname)) {
    return cloudMetadata(query['api-version'], localHostOf(headers))
  }
  const path = knownRequestPath(request.pathname, method)
  about.resource = path.text
  about.write = false
  const apiVersion = query['api-version']
  if (apiVersion === undefined || apiVersion === '') throw missingApiVersion()

  const caller = await request.authenticate()
  about.caller = caller
  const match = find(options, path, method, apiVersion)
  const { operation, reading } = match
  about.operation = operation.action
  about.resource = reading.path
  about.write = method !== 'GET' && method !== 'HEAD'
  const { require, showItem } = decide(options, match, caller, about)

  const context: OperationContext = {
    caller,
    id: reading.id,
    path: reading.path,
    apiVersion,
    body: undefined,
    query,
    headers,
    resources: options.resources,
    authorizer: options.authorizer,
    baseUrl,
    clock: options.clock,
    require,
  }

  if (!about.write) {
    await checkPlace(options.resources, match)
    const result = await operation.handle(context as OperationContext<never>)
    const shown = showItem === undefined ? result : { ...result, body: onlyShown(result.body, showItem) }
    return method === 'HEAD' && operation.method === 'GET' ? { status: 204 } : shown
  }

  const body = await request.read(operation.content ?? 'json')
  const leave = path.resourceGroup === undefined ? undefined : options.groupWrites.enter(path.resourceGroup)
  try {
    return await options.writes.run(writeKey(reading.id, reading.path), async () => {
      await checkPlace(options.resources, match)
      await checkLocks(options.resources, operation, reading.path)
      const checked = operation.content === 'text' ? body : await checkBody(options.resources, match, method, body)
      const result = await operation.handle({ ...context, body: checked } as OperationContext<never>)
      if (method === 'DELETE' && reading.on === 'resource' && result.operation === undefined) {
        await forgetAssignments(options, reading.path)
      }
      return await withOperation(options, match, context, result, about)
    })
  } finally {
    leave?.()
  }
}

function find(options: DispatcherOptions, path: RequestPath, method: string, apiVersion: string): Match {
  checkSubscription(path, options.subscriptions)
  return options.table.match(method, path, apiVersion)
}

/** Throws AuthorizationFailed. What it returns decides inside the operation, and (for some lists) item by item. */
function decide(options: DispatcherOptions, match: Match, caller: Caller, about: Exchange) {
  const principal: Principal = { tenantId: caller.tenantId, objectId: caller.objectId, groupIds: caller.groupIds }
  const holds = (action: string, scope: string) =>
    options.authorizer.decide({ by: 'role', principal, action, plane: 'control', scope })
  const require = (action: string, scope: string) => {
    const decision = holds(action, scope)
    if (decision.allowed) return
    about.decision = decision
    throw authorizationFailed(
      { name: caller.userPrincipalName ?? caller.appId, objectId: caller.objectId },
      action,
      scope,
    )
  }
  return { require, showItem: authorize(options.authorizer, match, principal, about, holds, require) }
}

function checkSubscription(path: RequestPath, subscriptions: Subscriptions): void {
  const { subscriptionId } = path
  if (subscriptionId === undefined) return
  if (!guid.test(subscriptionId)) throw invalidSubscriptionId(subscriptionId)
  if (subscriptions.find(subscriptionId) === undefined) throw subscriptionNotFound(subscriptionId)
}

/** Decides; what it returns, if anything, tells which items of a list the caller may see. Throws AuthorizationFailed. */
function authorize(
  authorizer: Authorizer,
  { entry, operation, reading }: Match,
  principal: Principal,
  about: Exchange,
  holds: (action: string, scope: string) => Decision,
  require: (action: string, scope: string) => void,
): ((item: { id: string; type?: string }) => boolean) | undefined {
  const access =
    operation.access ?? (operation.method === 'GET' && reading.on === 'subscription' ? 'filtered' : 'scope')
  if (access === 'signedIn' || (access === 'member' && reading.id.subscriptionId === undefined)) return undefined
  const decision = holds(operation.action, reading.path)
  about.decision = decision
  if (decision.allowed) return undefined
  // Any role anywhere in a subscription makes a member of it, who may read what it offers.
  const { subscriptionId } = reading.id
  const ofSubscription = access === 'member' && entry.namespace === systemNamespace && subscriptionId !== undefined
  const below = ofSubscription ? `/subscriptions/${subscriptionId}` : reading.path
  if (access !== 'scope' && hasAssignmentBelow(authorizer, principal, below)) {
    if (access === 'member') return undefined
    return (item) => holds(operation.itemAction?.(item) ?? operation.action, item.id).allowed
  }
  require(operation.action, reading.path)
  return undefined
}

function onlyShown(body: unknown, show: (item: { id: string; type?: string }) => boolean): unknown {
  if (!isRecord(body) || !Array.isArray(body.value)) return body
  const shown = body.value.filter(
    (item: unknown) => isRecord(item) && typeof item.id === 'string' && show(item as { id: string; type?: string }),
  )
  return { ...body, value: shown }
}

/** The group, the parent or the extended resource must be there before anything is read or written in it. */
async function checkPlace(resources: ResourceStore, { entry, operation, reading }: Match): Promise<void> {
  const { id } = reading
  if (id.subscriptionId === undefined || id.resourceGroup === undefined) return
  const type = `${entry.namespace}/${entry.declaration.type}`.toLowerCase()
  if (type === resourceGroupType) return
  const group = await resources.get(`/subscriptions/${id.subscriptionId}/resourceGroups/${id.resourceGroup}`)
  if (group === undefined) throw resourceGroupNotFound(id.resourceGroup)
  const creates = operation.method === 'PUT' || operation.method === 'PATCH'
  if (creates && group.properties.provisioningState === 'Deleting') throw resourceGroupBeingDeleted(group.name)

  if (id.scope !== undefined) {
    const root = rootOf(parseResourceId(id.scope))
    if (root !== undefined && (await resources.get(formatResourceId(root))) === undefined) throw resourceNotFound(root)
    return
  }
  const root = rootOf(id)
  if (root === undefined || id.types.length < 2) return
  if ((await resources.get(formatResourceId(root))) === undefined) {
    const verb = operation.action.split('/').at(-1) ?? operation.action
    throw parentResourceNotFound(verb, `${id.namespace}/${id.types.join('/')}`, formatResourceId(root))
  }
}

/** The top-level resource that an id is part of. */
function rootOf(id: ResourceId | undefined): ResourceId | undefined {
  if (id?.namespace === undefined || id.names.length === 0 || id.resourceGroup === undefined) return undefined
  return { ...id, types: id.types.slice(0, 1), names: id.names.slice(0, 1) }
}

/** One resource, its children and what stands on it take turns. */
function writeKey(id: ResourceId, path: string): string {
  const root = rootOf(id.scope === undefined ? id : parseResourceId(id.scope))
  return (root === undefined ? path : formatResourceId(root)).toLowerCase()
}

async function checkBody(resources: ResourceStore, match: Match, method: string, raw: unknown): Promise<unknown> {
  const { entry, operation, reading } = match
  let body = method === 'PATCH' ? raw : withoutNulls(raw)
  if (isRecord(body) && (method === 'PUT' || method === 'PATCH')) checkTags(body.tags)
  const { locations = [], type } = entry.declaration
  if (method === 'PUT' && reading.on === 'resource' && locations.length > 0 && reading.id.types.length === 1) {
    if (!isRecord(body)) throw invalidRequestContent('The request content must be a JSON object')
    const { location } = body
    if (location === undefined || location === '') throw locationRequired()
    if (typeof location !== 'string') throw invalidRequestContent("The value of 'location' must be a string")
    const available = locations.map(normalizeLocation)
    const normalized = normalizeLocation(location)
    if (!available.includes(normalized)) {
      throw locationNotAvailable(location, `${entry.namespace}/${type}`, available)
    }
    const existing = await resources.get(reading.path)
    if (existing?.location !== undefined && normalizeLocation(existing.location) !== normalized) {
      throw resourceLocationFixed(existing.name, existing.location, reading.id.resourceGroup ?? '', location)
    }
    body = { ...body, location: normalized }
  }
  if (operation.body === undefined) return body
  const parsed = operation.body.safeParse(body)
  if (parsed.success) return parsed.data
  const [issue] = parsed.error.issues
  throw invalidRequestContent(
    issue === undefined ? 'The content is not valid' : `${issue.message}. Path '${issue.path.join('.')}'`,
  )
}

/** Assignments at or below a resource go with it. */
async function forgetAssignments(options: DispatcherOptions, path: string): Promise<void> {
  if ((await options.resources.get(path)) === undefined) await options.authorizer.deleteAssignmentsBelow(path)
}

async function withOperation(
  options: DispatcherOptions,
  { entry }: Match,
  context: OperationContext,
  result: OperationResult,
  about: Exchange,
): Promise<OperationResult> {
  const { operation, ...plain } = result
  if (operation === undefined) return plain
  const type = `${entry.namespace}/${entry.declaration.type}`
  const id = await options.operations.start({
    type,
    job: operation.job,
    input: operation.input,
    resource: context.path,
    startedBy: context.caller.objectId,
  })
  about.started = id
  const headers = operationHeaders({
    id,
    namespace: entry.namespace,
    subscriptionId: context.id.subscriptionId ?? options.subscriptions.first.id,
    apiVersion: context.apiVersion,
    baseUrl: context.baseUrl,
  })
  return { ...plain, headers: { ...headers, ...plain.headers } }
}

async function logRefusal(options: DispatcherOptions, about: Exchange): Promise<void> {
  const { requestId, operation, resource, caller, decision } = about
  if (decision === undefined || decision.allowed) return
  const at = await existingScope(options.resources, decision.scope)
  options.log('warn', 'Resource Manager refused a request', {
    requestId,
    operation,
    resource,
    appId: caller?.appId,
    objectId: caller?.objectId,
    action: decision.action,
    reason: decision.reason,
    hint: refusalHint(decision, at),
  })
}

function unexpected(options: DispatcherOptions, about: Exchange, error: unknown): ArmError {
  const unavailable = error instanceof Error && error.name === 'StoreError'
  options.log('error', 'A request failed', {
    requestId: about.requestId,
    operation: about.operation,
    error: error instanceof Error ? `${error.name}: ${error.message}` : String(error),
  })
  return unavailable ? serviceUnavailable() : internalError(about.requestId)
}

/** The query of nearly every request. */
const onlyApiVersion = /^api-version=([\w.-]{1,64})$/

function splitUrl(url: string): { pathname: string; query: Record<string, string> } {
  // A proxied request has its URL in absolute form.
  const local = url.startsWith('/') ? url : url.replace(/^[a-z][a-z0-9+.-]*:\/\/[^/?#]*/i, '')
  const [beforeFragment = ''] = local.split('#')
  const at = beforeFragment.indexOf('?')
  if (at < 0) return { pathname: beforeFragment, query: {} }
  const query: Record<string, string> = Object.create(null)
  const alone = onlyApiVersion.exec(beforeFragment.slice(at + 1))
  if (alone?.[1] !== undefined) {
    query['api-version'] = alone[1]
    return { pathname: beforeFragment.slice(0, at), query }
  }
  for (const [name, value] of new URLSearchParams(beforeFragment.slice(at + 1))) {
    const key = name.toLowerCase()
    if (!(key in query)) query[key] = value
  }
  return { pathname: beforeFragment.slice(0, at), query }
}

function singleHeaders(request: IncomingMessage): Record<string, string | undefined> {
  // Node gives a list for this one alone.
  const { 'set-cookie': cookies, ...headers } = request.headers
  return cookies === undefined
    ? (headers as Record<string, string | undefined>)
    : { ...(headers as Record<string, string | undefined>), 'set-cookie': cookies.join(', ') }
}

const loopback = /^(localhost|127(\.\d{1,3}){3}|\[::1\])(:\d{1,5})?$/i
const hostName = /^[a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?(:\d{1,5})?$/i

/** The name under `.keystead.localhost` by which the client came through the gateway, if it used one. */
function localHostOf(headers: Readonly<Record<string, string | string[] | undefined>>): string | undefined {
  const forwarded = headers['x-forwarded-host']
  return typeof forwarded === 'string' && hostName.test(forwarded) ? forwarded : undefined
}

/** Links lead back to the name that the caller used: over TLS, but on a loopback socket that has none. */
function baseUrlOf(request: IncomingMessage): string {
  const host = localHostOf(request.headers) ?? request.headers.host
  const encrypted = 'encrypted' in request.socket && request.socket.encrypted === true
  if (host !== undefined && !encrypted && loopback.test(host)) return `http://${host}`
  return host !== undefined && (hostName.test(host) || loopback.test(host))
    ? `https://${host}`
    : 'https://management.azure.com'
}

function send(
  options: DispatcherOptions,
  request: IncomingMessage,
  response: ServerResponse,
  about: Exchange,
  result: OperationResult | ArmError,
): void {
  if (response.destroyed) return
  const headers = responseHeaders(options, request, about)
  Object.assign(headers, result.headers)
  const body = result instanceof ArmError ? errorBody(result) : result.body
  if (body === undefined || request.method === 'HEAD' || result.status === 204) {
    if (result.status !== 204) headers['content-length'] = '0'
    response.writeHead(result.status, headers).end()
    return
  }
  const text = JSON.stringify(body)
  const length = Buffer.byteLength(text)
  headers['content-type'] = 'application/json; charset=utf-8'
  headers['content-length'] = String(length)
  // A text goes out in one piece with the head; one byte a character, where it has nothing wider.
  response.writeHead(result.status, headers).end(text, length === text.length ? 'latin1' : 'utf8')
}

function errorBody(error: ArmError): unknown {
  return { error: error.detail() }
}

/** Formatting a time costs more than the other headers together, and it changes once a second. */
let lastStamp = { second: Number.NaN, text: '' }

/** `20260102T030405Z`. */
function stampOf(time: number): string {
  const second = Math.floor(time / 1000)
  if (second !== lastStamp.second) {
    lastStamp = { second, text: new Date(time).toISOString().replace(/[-:]|\.\d+/g, '') }
  }
  return lastStamp.text
}

function responseHeaders(
  options: DispatcherOptions,
  request: IncomingMessage,
  about: Exchange,
): Record<string, string> {
  const correlation = request.headers['x-ms-correlation-request-id']
  const correlationId = typeof correlation === 'string' && guid.test(correlation) ? correlation : about.requestId
  const stamp = stampOf(options.clock())
  const headers: Record<string, string> = {
    'cache-control': 'no-cache',
    pragma: 'no-cache',
    expires: '-1',
    'x-ms-request-id': about.requestId,
    'x-ms-correlation-request-id': correlationId,
    'x-ms-routing-request-id': `KEYSTEAD:${stamp}:${about.requestId}`,
    'strict-transport-security': 'max-age=31536000; includeSubDomains',
    'x-content-type-options': 'nosniff',
  }
  const client = request.headers['x-ms-client-request-id']
  if (typeof client === 'string' && /^[\w.:/-]{1,128}$/.test(client)) headers['x-ms-client-request-id'] = client
  return headers
}
