/** The Blob and Queue endpoints: each request is read, authenticated, decided, audited and only then passed on. */
import { randomUUID } from 'node:crypto'
import { type IncomingMessage, type RequestListener, type ServerResponse, STATUS_CODES } from 'node:http'
import type { TLSSocket } from 'node:tls'
import { type AuditEvent, type AuditTrail, type Authorizer, type Decision, refusalHint } from '@keystead/authorization'
import type { TokenVerifier } from '@keystead/identity'
import type { Account } from '../accounts/account.ts'
import { toExternal } from '../accounts/internal-name.ts'
import { AzuriteClient } from '../azurite/azurite-client.ts'
import { type Authentication, authenticate } from './authentication.ts'
import { assignableScope, authorize, checkAccountPolicy, resourceScope } from './authorization.ts'
import { type BatchAnswer, batchBodyLimit, formatBatch, parseBatch, refusedPart } from './batch.ts'
import { blobOperations } from './blob-operations.ts'
import { readBody } from './body.ts'
import { type CopySource, type CopySourceContext, decideCopySource } from './copy-source.ts'
import { azuriteRequest, forward, returnAnswer } from './forward.ts'
import { returnedHeaders } from './forwarded-headers.ts'
import { type DataOperation, isValidName, matchOperation } from './operation.ts'
import { queueOperations } from './queue-operations.ts'
import {
  accountRequiresHttps,
  errorXml,
  internalError,
  invalidResourceName,
  notImplemented,
  outOfRangeName,
  resourceNotFound,
  StorageError,
} from './storage-error.ts'
import { userDelegationKeyXml } from './user-delegation-key.ts'
import { header, headerPairs, parseTarget, type Service, type WireRequest } from './wire-request.ts'
import { parseSignedIdentifiers } from './xml.ts'

export interface DataPlaneOptions {
  readonly find: (name: string) => Account | undefined
  readonly authorizer: Authorizer
  readonly verifier: TokenVerifier
  readonly audit: AuditTrail
  readonly tenantId: string
  readonly clock: () => number
  readonly azurite: AzuriteClient
  readonly log: (level: 'info' | 'warn' | 'error', message: string, fields?: Record<string, unknown>) => void
}

/** What is known of a request so far: enough to word its audit event at any point. */
interface Exchange {
  readonly requestId: string
  readonly started: number
  readonly clientIp: string
  operation: string
  resource: string
  authentication?: Authentication
  decision?: Decision | undefined
}

const serviceVersion = '2025-11-05'

const tables: Readonly<Record<Service, readonly DataOperation[]>> = { blob: blobOperations, queue: queueOperations }

/** A decided request: nothing but the forwarding is left. */
interface Decided {
  readonly account: Account
  readonly request: WireRequest
  readonly operation: DataOperation
  readonly authentication: Authentication
  readonly createOnly: boolean
}

export class DataPlane {
  readonly #options: DataPlaneOptions
  readonly #context: CopySourceContext
  readonly blobListener: RequestListener
  readonly queueListener: RequestListener

  constructor(options: DataPlaneOptions) {
    this.#options = options
    this.#context = {
      verifier: options.verifier,
      tenantId: options.tenantId,
      clock: options.clock,
      authorizer: options.authorizer,
      find: options.find,
      azurite: options.azurite,
      storedAccessPolicy: async (account, service, name, id) => {
        const answer = await options.azurite.send({
          service,
          account: account.internalName,
          method: 'GET',
          segments: [name],
          query: new Map(
            service === 'blob'
              ? [
                  ['restype', 'container'],
                  ['comp', 'acl'],
                ]
              : [['comp', 'acl']],
          ),
          headers: [],
          signed: true,
          repeatable: true,
        })
        const document = await AzuriteClient.text(answer)
        return answer.statusCode === 200 ? (await parseSignedIdentifiers(document)).get(id) : undefined
      },
    }
    this.blobListener = (request, response) => void this.#handle('blob', request, response)
    this.queueListener = (request, response) => void this.#handle('queue', request, response)
  }

  async #handle(service: Service, incoming: IncomingMessage, response: ServerResponse): Promise<void> {
    const exchange: Exchange = {
      requestId: randomUUID(),
      started: this.#options.clock(),
      clientIp: addressOf(incoming),
      operation: 'Unknown',
      resource: '',
    }
    // Either side of a connection that broke is heard of by 'close' below.
    incoming.on('error', () => {})
    response.on('error', () => {})
    const gone = new AbortController()
    response.once('close', () => {
      if (!response.writableFinished) gone.abort()
    })
    try {
      const decided = await this.#decide(service, incoming, exchange)
      await this.#answer(decided, exchange, incoming, response, gone.signal)
    } catch (error) {
      if (gone.signal.aborted || response.destroyed) return
      await this.#refuse(error, exchange, incoming, response)
    }
  }

  async #decide(service: Service, incoming: IncomingMessage, exchange: Exchange): Promise<Decided> {
    const account = this.#options.find(accountOf(incoming))
    if (account === undefined) throw resourceNotFound()
    exchange.resource = account.resourceId
    const request = readRequest(service, incoming, exchange.clientIp)
    if (account.policy.supportsHttpsTrafficOnly && !request.secure) throw accountRequiresHttps()
    return this.#decideRequest(account, request, exchange)
  }

  /** Authenticates and decides one request, be it on the wire or a part of a batch. */
  async #decideRequest(account: Account, request: WireRequest, exchange: Exchange): Promise<Decided> {
    const [name] = request.segments
    if (name !== undefined && !isValidName(request.service, name)) {
      throw name.length < 3 || name.length > 63 ? outOfRangeName() : invalidResourceName()
    }
    exchange.resource = resourceScope(account, request)
    const authentication = await authenticate(request, account, this.#context)
    exchange.authentication = authentication
    const operation = matchOperation(tables[request.service], request)
    exchange.operation = operation.name
    const { authorizer, tenantId } = this.#options
    // A batch itself asks for nothing but a known caller: each part is decided on its own.
    if (operation.local === 'batch' && authentication.kind !== 'anonymous') {
      return { account, request, operation, authentication, createOnly: false }
    }
    const outcome = authorize(authorizer, authentication, operation, request, account, tenantId)
    if (outcome.decision) exchange.decision = outcome.decision
    const refusal = outcome.refusal ?? checkAccountPolicy(account, request)
    if (refusal) throw refusal
    return { account, request, operation, authentication, createOnly: outcome.createOnly }
  }

  async #answer(
    decided: Decided,
    exchange: Exchange,
    incoming: IncomingMessage,
    response: ServerResponse,
    signal: AbortSignal,
  ): Promise<void> {
    const { account, request, operation, authentication, createOnly } = decided
    if (operation.local === 'userDelegationKey' && authentication.kind === 'bearer') {
      const body = (await readBody(incoming, 64 * 1024)).toString('utf8')
      const xml = await userDelegationKeyXml(
        account,
        authentication.caller,
        body,
        request.apiVersion,
        this.#options.clock(),
      )
      await this.#audit(exchange, 200)
      return this.#send(response, incoming, exchange, 200, { 'Content-Type': 'application/xml' }, xml)
    }
    if (operation.local === 'batch') return this.#batch(decided, exchange, incoming, response, signal)

    const source = operation.source && (await this.#source(decided, exchange))
    const answer = await forward(
      {
        request,
        operation,
        account,
        createOnly,
        signed: authentication.kind !== 'anonymous',
        ...(source && { source }),
      },
      incoming,
      this.#options.azurite,
      signal,
    )
    try {
      const status = answer.statusCode ?? 500
      if (operation.write || status === 401 || status === 403) await this.#audit(exchange, status)
      if (status === 403 && authentication.kind !== 'anonymous') {
        this.#options.log('warn', 'Azurite refused a request that was allowed', {
          operation: operation.name,
          requestId: exchange.requestId,
          errorCode: answer.headers['x-ms-error-code'],
        })
      }
    } catch (error) {
      answer.destroy()
      throw error
    }
    try {
      await returnAnswer(answer, response, operation, {
        'x-ms-request-id': exchange.requestId,
        ...signedResponseHeaders(authentication, operation),
      })
    } catch (error) {
      // The head is out: breaking the connection is what is left to tell the client.
      response.destroy()
      if (!signal.aborted) {
        this.#options.log('warn', 'an answer of Azurite broke off', {
          operation: operation.name,
          requestId: exchange.requestId,
          reason: error instanceof Error ? error.message : String(error),
        })
      }
    }
  }

  /** A copy's source is a decision of its own: refused, its event is about the source. */
  async #source(decided: Decided, exchange: Exchange): Promise<CopySource> {
    const { request, operation, authentication, account } = decided
    let found: { resource: string; decision: Decision | undefined } | undefined
    const record = (resource: string, decision: Decision | undefined) => {
      found = { resource, decision }
    }
    try {
      return await decideCopySource(request, operation, authentication, account, this.#context, record)
    } catch (error) {
      exchange.operation = `${operation.name}Source`
      exchange.resource = found?.resource ?? exchange.resource
      exchange.decision = found?.decision
      throw error
    }
  }

  async #batch(
    decided: Decided,
    exchange: Exchange,
    incoming: IncomingMessage,
    response: ServerResponse,
    signal: AbortSignal,
  ): Promise<void> {
    const { account, request } = decided
    const body = await readBody(incoming, batchBodyLimit)
    const answers: BatchAnswer[] = []
    for (const part of parseBatch(request, header(request, 'content-type'), body)) {
      signal.throwIfAborted()
      answers.push(await this.#batchPart(account, request, part, exchange, signal))
    }
    const { contentType, body: text } = formatBatch(answers)
    await this.#audit(exchange, 202)
    this.#send(response, incoming, exchange, 202, { 'Content-Type': contentType }, text)
  }

  async #batchPart(
    account: Account,
    outer: WireRequest,
    part: { readonly contentId: string | undefined; readonly request: WireRequest },
    of: Exchange,
    signal: AbortSignal,
  ): Promise<BatchAnswer> {
    const exchange: Exchange = {
      requestId: randomUUID(),
      started: this.#options.clock(),
      clientIp: of.clientIp,
      operation: 'Unknown',
      resource: account.resourceId,
    }
    try {
      if (outer.segments.length > 0 && part.request.segments[0] !== outer.segments[0])
        throw notImplemented('a batch across containers')
      const decided = await this.#decideRequest(account, part.request, exchange)
      const { operation } = decided
      if (operation.name !== 'DeleteBlob' && operation.name !== 'SetBlobTier')
        throw notImplemented(`${operation.name} in a batch`)
      if (decided.authentication.kind === 'anonymous') throw notImplemented('a batch part without authorization')
      const asked = azuriteRequest({ ...decided, signed: true })
      const answer = await this.#options.azurite.send(asked, undefined, signal)
      const text = toExternal(await AzuriteClient.text(answer))
      const status = answer.statusCode ?? 500
      await this.#audit(exchange, status)
      return {
        contentId: part.contentId,
        status,
        reason: STATUS_CODES[status] ?? '',
        headers: [
          ...returnedHeaders(answer).filter(([name]) => !['content-length', 'date'].includes(name.toLowerCase())),
          ['x-ms-request-id', exchange.requestId],
        ],
        body: text,
      }
    } catch (error) {
      if (signal.aborted) throw error
      const refusal = this.#refusalOf(error, exchange)
      await this.#audit(exchange, refusal.status)
      return refusedPart(part.contentId, refusal, exchange.requestId, new Date(this.#options.clock()))
    }
  }

  #refusalOf(error: unknown, exchange: Exchange): StorageError {
    if (error instanceof StorageError) return error
    this.#options.log('error', 'a storage request failed', {
      operation: exchange.operation,
      requestId: exchange.requestId,
      reason: error instanceof Error ? error.message : String(error),
    })
    return internalError()
  }

  async #refuse(
    error: unknown,
    exchange: Exchange,
    incoming: IncomingMessage,
    response: ServerResponse,
  ): Promise<void> {
    let refusal = this.#refusalOf(error, exchange)
    try {
      await this.#audit(exchange, refusal.status)
    } catch (failure) {
      refusal = this.#refusalOf(failure, exchange)
    }
    if (refusal.status === 403) this.#logRefusal(exchange, refusal)
    if (response.headersSent) {
      response.destroy()
      return
    }
    const body =
      incoming.method === 'HEAD' ? '' : errorXml(refusal, exchange.requestId, new Date(this.#options.clock()))
    this.#send(
      response,
      incoming,
      exchange,
      refusal.status,
      { ...refusal.headers, 'Content-Type': 'application/xml', 'x-ms-error-code': refusal.code },
      body,
    )
  }

  /** A key or a signature that does not fit is told to its sender alone; a decision by roles can be mended here. */
  #logRefusal({ requestId, operation, resource, decision, authentication }: Exchange, refusal: StorageError): void {
    const refused = decision !== undefined && !decision.allowed ? decision : undefined
    this.#options.log('warn', 'Storage refused a request', {
      requestId,
      operation,
      resource,
      code: refusal.code,
      authentication: authentication?.kind,
      ...(refused && {
        objectId: refused.principal.objectId,
        action: refused.action,
        reason: refused.reason,
        hint: refusalHint(refused, { scope: assignableScope(refused.scope) }),
      }),
    })
  }

  #send(
    response: ServerResponse,
    incoming: IncomingMessage,
    exchange: Exchange,
    status: number,
    headers: Readonly<Record<string, string>>,
    body: string,
  ): void {
    const clientRequestId = incoming.headers['x-ms-client-request-id']
    response.writeHead(status, {
      ...headers,
      'Content-Length': Buffer.byteLength(body),
      'x-ms-request-id': exchange.requestId,
      'x-ms-version': incoming.headers['x-ms-version'] ?? serviceVersion,
      ...(typeof clientRequestId === 'string' ? { 'x-ms-client-request-id': clientRequestId } : {}),
    })
    response.end(body)
  }

  #audit(exchange: Exchange, status: number): Promise<void> {
    const caller = callerOf(exchange.authentication)
    const event: AuditEvent = {
      service: 'storage',
      operation: exchange.operation,
      requestId: exchange.requestId,
      callerIp: exchange.clientIp,
      ...(caller && { caller }),
      resource: exchange.resource,
      status,
      ...(exchange.decision && { decision: exchange.decision }),
      durationMs: this.#options.clock() - exchange.started,
    }
    return this.#options.audit.append(event)
  }
}

function callerOf(authentication: Authentication | undefined): AuditEvent['caller'] {
  switch (authentication?.kind) {
    case 'bearer': {
      const { appId, objectId, tenantId } = authentication.caller
      return { appId, objectId, tenantId }
    }
    case 'delegationSas':
      return { objectId: authentication.objectId, tenantId: authentication.tenantId }
    default:
      return undefined
  }
}

/** The account is the first label of the host. */
function accountOf(incoming: IncomingMessage): string {
  return (incoming.headers.host ?? '').split('.')[0]?.toLowerCase() ?? ''
}

function addressOf(incoming: IncomingMessage): string {
  return (incoming.socket.remoteAddress ?? '').replace(/^::ffff:/, '')
}

function readRequest(service: Service, incoming: IncomingMessage, clientIp: string): WireRequest {
  const apiVersion = incoming.headers['x-ms-version']
  return {
    service,
    method: incoming.method ?? 'GET',
    ...parseTarget(service, incoming.url ?? '/'),
    headers: incoming.headers,
    rawHeaders: headerPairs(incoming.rawHeaders),
    ...(typeof apiVersion === 'string' ? { apiVersion } : {}),
    secure: (incoming.socket as Partial<TLSSocket>).encrypted === true,
    clientIp,
  }
}

const overrides = [
  ['rscc', 'cache-control'],
  ['rscd', 'content-disposition'],
  ['rsce', 'content-encoding'],
  ['rscl', 'content-language'],
  ['rsct', 'content-type'],
] as const

/** A SAS may sign headers that replace the blob's own in the answer. */
function signedResponseHeaders(authentication: Authentication, operation: DataOperation): Record<string, string> {
  if (!('sas' in authentication) || (operation.name !== 'GetBlob' && operation.name !== 'GetBlobProperties')) return {}
  const headers: Record<string, string> = {}
  for (const [parameter, name] of overrides) {
    const value = authentication.sas.field(parameter)
    if (value !== '') headers[name] = value
  }
  return headers
}
