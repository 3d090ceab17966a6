/** `NAME.vault.azure.net`: who asks, of which vault, may they; then the operation, its audit event and its answer. */
import { randomUUID } from 'node:crypto'
import type { IncomingMessage, RequestListener, ServerResponse } from 'node:http'
import { type AuditTrail, AuditTrailError, type Authorizer, type Decision } from '@keystead/authorization'
import { type Caller, TokenError, type TokenVerifier } from '@keystead/identity'
import { StoreError } from '@keystead/store'
import { checkApiVersion } from './api-versions.ts'
import { challenge, foreignTenant, vaultAudiences } from './challenge.ts'
import { auditEvent, clientAddress, type Exchange } from './exchange.ts'
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
    void this.#serve(request, response)
  }

  async #serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const vaultName = vaultNameOf(request.headers.host ?? '')
    const vault = this.#directory.live(vaultName)
    const exchange: Exchange = {
      request,
      requestId: randomUUID(),
      startedAt: performance.now(),
      vaultName,
      vault,
      operation: 'Authentication',
      resource: vault?.resourceId ?? vaultName,
      caller: undefined,
      decision: undefined,
      audited: false,
    }
    let answer: Answer
    try {
      answer = await this.#answer(exchange)
    } catch (error) {
      // Whatever was appended for a write that then failed is followed by how it ended.
      exchange.audited = false
      answer = this.#failure(exchange, error)
    }
    try {
      if (!exchange.audited) await this.#audit.append(auditEvent(exchange, answer.status))
    } catch (error) {
      answer = this.#failure(exchange, error)
    }
    if (answer.status === 403) this.#logRefusal(exchange)
    writeAnswer(response, exchange, answer)
  }

  /** In the order that Key Vault keeps: the token, the vault, what is asked, whether it may be, and only then how. */
  async #answer(exchange: Exchange): Promise<Answer> {
    const { request, vault } = exchange
    const { authorization } = request.headers
    const caller = await this.#authenticate(authorization, vault)
    exchange.caller = caller
    if (vault === undefined) throw vaultNotFound(exchange.vaultName)
    if (caller.tenantId.toLowerCase() !== vault.tenantId.toLowerCase()) {
      throw foreignTenant(authorization, vault.tenantId)
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
    return await this.#operations.run({
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

  async #authenticate(authorization: string | undefined, vault: Vault | undefined): Promise<Caller> {
    try {
      return await this.#verifier.verify(authorization, vaultAudiences)
    } catch (error) {
      if (error instanceof TokenError) throw challenge(error, authorization, vault?.tenantId ?? this.#tenantId)
      throw error
    }
  }

  #checkConnection(exchange: Exchange, caller: Caller, vault: Vault): void {
    if (!vault.network.publicAccess) throw connectionRefused(caller, vault)
    const address = clientAddress(exchange.request)
    if (!addressAllowed(vault.network, address)) throw addressRefused(address, caller, vault)
  }

  #decide(caller: Caller, vault: Vault, route: Route, scope: string): Decision {
    const principal = { tenantId: caller.tenantId, objectId: caller.objectId, groupIds: caller.groupIds }
    return vault.properties.enableRbacAuthorization
      ? this.#authorizer.decide({ by: 'role', principal, action: route.operation.action, plane: 'data', scope })
      : this.#authorizer.decide({
          by: 'accessPolicy',
          principal,
          permission: route.operation.permission,
          scope,
          policies: vault.policies,
        })
  }

  /** The answer for what went wrong; what is ours to mend is logged, and told to the caller without details. */
  #failure(exchange: Exchange, error: unknown): Answer {
    const answered = this.#answerable(exchange, error)
    if (answered.status >= 500 && answered.status !== 501) {
      this.#log('error', 'A Key Vault request failed', {
        requestId: exchange.requestId,
        operation: exchange.operation,
        resource: exchange.resource,
        error: error instanceof Error ? `${error.name}: ${error.message}` : 'unknown',
      })
    }
    return { status: answered.status, body: bodyOf(answered.toBody()), headers: answered.headers }
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

  #logRefusal({ requestId, operation, resource, caller, decision }: Exchange): void {
    this.#log('warn', 'Key Vault refused a request', {
      requestId,
      operation,
      resource,
      appId: caller?.appId,
      objectId: caller?.objectId,
      ...(decision === undefined ? {} : { by: decision.by, action: decision.action, reason: decision.reason }),
    })
  }
}
