/** `NAME.vault.azure.net`: who asks, of which vault, may they; then the operation, its audit event and its answer. */
import { randomUUID } from 'node:crypto'
import type { IncomingMessage, RequestListener, ServerResponse } from 'node:http'
import { type AuditTrail, AuditTrailError, type Authorizer, type Decision } from '@keystead/authorization'
import { type Caller, TokenError, type TokenVerifier } from '@keystead/identity'
import { StoreError } from '@keystead/store'
import { checkApiVersion } from './api-versions.ts'
import { challenge, foreignTenant, vaultAudiences } from './challenge.ts'
import { auditEvent, type Exchange } from './exchange.ts'
import { hintOf } from './hint.ts'
import { internalServerError, KeyVaultError, serviceUnavailable, vaultNotFound } from './key-vault-error.ts'
import { addressRefused, connectionRefused, refusal } from './refusal.ts'
import { type Answer, bodyOf, writeAnswer } from './response.ts'
import { parseRoute, type Route } from './route.ts'
import type { SecretOperations } from './secret-operations.ts'
import { addressAllowed, type Vault } from './vault.ts'
import type { VaultDirectory } from './vault-directory.ts'

export type Log = (level: 'info' | 'warn' | 'error', message: string, fields?: Record<string, unknown>) => void

export interface DataPlaneOptions {
  readonly directory: VaultDirectory
  readonly operations: SecretOperations
  readonly verifier: TokenVerifier
  readonly authorizer: Authorizer
  readonly audit: AuditTrail
  /** The tenant named in the challenge for a vault that does not exist. */
  readonly tenantId: string
  readonly log: Log
}

/** The vault that a Host header names: its first label. */
function vaultNameOf(host: string): string {
  const dot = host.indexOf('.')
  return (dot < 0 ? host.replace(/:\d*$/, '') : host.slice(0, dot)).toLowerCase()
}

/** The vault's URL as the caller reached it. */
function baseOf(request: IncomingMessage, vault: Vault): string {
  const given = request.headers.host ?? ''
  if (given === vault.host) return vault.url
  const host = given.toLowerCase()
  if (host === vault.host || host === `${vault.host}:443` || !/^[a-z0-9-]+(\.[a-z0-9-]+)*(:\d{1,5})?$/.test(host)) {
    return vault.url
  }
  return `${'encrypted' in request.socket ? 'https' : 'http'}://${host}`
}

export class DataPlane {
  readonly #directory: VaultDirectory
  readonly #operations: SecretOperations
  readonly #verifier: TokenVerifier
  readonly #authorizer: Authorizer
  readonly #audit: AuditTrail
  readonly #tenantId: string
  readonly #log: Log

  constructor(options: DataPlaneOptions) {
    this.#directory = options.directory
    this.#operations = options.operations
    this.#verifier = options.verifier
    this.#authorizer = options.authorizer
    this.#audit = options.audit
    this.#tenantId = options.tenantId
    this.#log = options.log
  }

  readonly listener: RequestListener = (request, response) => {
    const vaultName = vaultNameOf(request.headers.host ?? '')
    const vault = this.#directory.live(vaultName)
    const exchange: Exchange = {
      request,
      requestId: randomUUID(),
      clientAddress: request.socket.remoteAddress ?? '',
      startedAt: performance.now(),
      vaultName,
      vault,
      operation: 'Authentication',
      resource: vault?.resourceId ?? vaultName,
      caller: undefined,
      decision: undefined,
      refusedWith: undefined,
      audited: false,
    }
    // Nearly every get has its answer at once; a promise would cost it more than the answer does.
    let answer: Answer | Promise<Answer>
    try {
      answer = this.#answer(exchange)
    } catch (error) {
      answer = this.#failure(exchange, error)
    }
    if (!(answer instanceof Promise)) {
      this.#finish(exchange, response, answer)
      return
    }
    answer.then(
      (settled) => this.#finish(exchange, response, settled),
      (error: unknown) => this.#finish(exchange, response, this.#failure(exchange, error)),
    )
  }

  /** Appends the event, and only then answers: what can not be recorded is refused. */
  #finish(exchange: Exchange, response: ServerResponse, answer: Answer): void {
    if (exchange.audited) {
      writeAnswer(response, exchange, answer)
      return
    }
    this.#audit.record(auditEvent(exchange, answer.status), (error) => {
      if (error === undefined && answer.status === 403) this.#logRefusal(exchange)
      try {
        writeAnswer(response, exchange, error === undefined ? answer : this.#failure(exchange, error))
      } catch (failure) {
        // The other events of this turn still have their answers to come.
        this.#logFailure(exchange, failure)
        response.destroy()
      }
    })
  }

  /** In the order that Key Vault keeps: the token, the vault, what is asked, whether it may be, and only then how. */
  #answer(exchange: Exchange): Answer | Promise<Answer> {
    const caller = this.#authenticate(exchange)
    return caller instanceof Promise
      ? caller.then((known) => this.#authorized(exchange, known))
      : this.#authorized(exchange, caller)
  }

  #authenticate({ request, vault }: Exchange): Caller | Promise<Caller> {
    const { authorization } = request.headers
    const refused = (error: unknown) =>
      error instanceof TokenError ? challenge(error, authorization, vault?.tenantId ?? this.#tenantId) : error
    try {
      const caller = this.#verifier.verify(authorization, vaultAudiences)
      if (!(caller instanceof Promise)) return caller
      return caller.catch((error: unknown) => {
        throw refused(error)
      })
    } catch (error) {
      throw refused(error)
    }
  }

  #authorized(exchange: Exchange, caller: Caller): Answer | Promise<Answer> {
    const { request, vault } = exchange
    exchange.caller = caller
    if (vault === undefined) throw vaultNotFound(exchange.vaultName)
    if (caller.tenantId.toLowerCase() !== vault.tenantId.toLowerCase()) {
      throw foreignTenant(request.headers.authorization, vault.tenantId)
    }
    const url = request.url ?? '/'
    const mark = url.indexOf('?')
    const route = parseRoute(request.method ?? 'GET', mark < 0 ? url : url.slice(0, mark))
    exchange.operation = route.operation.name
    if (route.name !== '') exchange.resource = `${vault.resourceId}/secrets/${route.name}`
    this.#checkConnection(exchange, caller, vault)
    const decision = this.#decide(caller, vault, route, exchange.resource)
    exchange.decision = decision
    if (!decision.allowed) throw refusal(decision, caller, vault)
    const query = mark < 0 ? '' : url.slice(mark + 1)
    checkApiVersion(query)
    return this.#operations.run({
      exchange,
      vault,
      base: baseOf(request, vault),
      route,
      query,
      beforeCommit: async () => {
        await this.#audit.append(auditEvent(exchange, route.operation.name === 'SecretPurge' ? 204 : 200))
        exchange.audited = true
      },
    })
  }

  #checkConnection(exchange: Exchange, caller: Caller, vault: Vault): void {
    if (!vault.network.publicAccess) throw connectionRefused(caller, vault)
    const { clientAddress } = exchange
    if (!addressAllowed(vault.network, clientAddress)) throw addressRefused(clientAddress, caller, vault)
  }

  #decide(caller: Caller, vault: Vault, route: Route, scope: string): Decision {
    return vault.properties.enableRbacAuthorization
      ? this.#authorizer.decide({ by: 'role', principal: caller, action: route.operation.action, plane: 'data', scope })
      : this.#authorizer.decide({
          by: 'accessPolicy',
          principal: caller,
          permission: route.operation.permission,
          scope,
          policies: vault.policies,
        })
  }

  /** The answer for what went wrong; what is ours to mend is logged, and told to the caller without details. */
  #failure(exchange: Exchange, error: unknown): Answer {
    // Whatever was appended for a write that then failed is followed by how it ended.
    exchange.audited = false
    const answered = this.#answerable(exchange, error)
    exchange.refusedWith = answered.innerCode
    if (answered.status >= 500 && answered.status !== 501) {
      this.#logFailure(exchange, error)
    }
    return { status: answered.status, body: bodyOf(answered.toBody()), headers: answered.headers }
  }

  #logFailure({ requestId, operation, resource }: Exchange, error: unknown): void {
    this.#log('error', 'A Key Vault request failed', {
      requestId,
      operation,
      resource,
      error: error instanceof Error ? `${error.name}: ${error.message}` : 'unknown',
    })
  }

  #answerable(exchange: Exchange, error: unknown): KeyVaultError {
    if (error instanceof KeyVaultError) return error
    if (error instanceof AuditTrailError) {
      return serviceUnavailable('The request was not carried out, because it could not be recorded in the audit log.')
    }
    if (error instanceof StoreError) {
      return serviceUnavailable(
        error.code === 'full'
          ? 'The request was not carried out, because no storage space is left.'
          : 'The request was not carried out, because the storage is unavailable.',
      )
    }
    // The vault was purged while the request ran.
    if (exchange.vault !== undefined && this.#directory.live(exchange.vaultName)?.id !== exchange.vault.id) {
      return vaultNotFound(exchange.vaultName)
    }
    return internalServerError()
  }

  #logRefusal(exchange: Exchange): void {
    const { requestId, operation, resource, caller, decision } = exchange
    const hint = hintOf(exchange)
    this.#log('warn', 'Key Vault refused a request', {
      requestId,
      operation,
      resource,
      appId: caller?.appId,
      objectId: caller?.objectId,
      ...(decision === undefined ? {} : { by: decision.by, action: decision.action, reason: decision.reason }),
      ...(hint === undefined ? {} : { hint }),
    })
  }
}
