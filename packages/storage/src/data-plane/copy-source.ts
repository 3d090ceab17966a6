/** Whether the source of a copy may be read: decided on its own, as if it were a Get Blob of the same caller. */
import type { Authorizer, Decision } from '@keystead/authorization'
import type { Account } from '../accounts/account.ts'
import type { AzuriteClient } from '../azurite/azurite-client.ts'
import { type Authentication, type AuthenticationContext, authenticate, verifyBearer } from './authentication.ts'
import { authorize, decideByRole, resourceScope } from './authorization.ts'
import { blobOperations, readBlobAction } from './blob-operations.ts'
import { type DataOperation, isValidName, matchOperation } from './operation.ts'
import {
  cannotVerifyCopySource,
  invalidHeaderValue,
  notImplemented,
  permissionMismatch,
  StorageError,
  unsupportedHeader,
} from './storage-error.ts'
import { header, parseTarget, type WireRequest } from './wire-request.ts'

export interface CopySource {
  readonly account: Account
  readonly segments: readonly string[]
  /** `snapshot` alone, when the URL names one. */
  readonly query: ReadonlyMap<string, string>
  readonly resource: string
}

export interface CopySourceContext extends AuthenticationContext {
  readonly authorizer: Authorizer
  readonly find: (name: string) => Account | undefined
  readonly azurite: AzuriteClient
}

/** Told what the source is, once that is known, and how its roles decided. */
export type RecordSource = (resource: string, decision: Decision | undefined) => void

const localHost = /^([a-z0-9]{3,24})\.blob\.(?:core\.windows\.net|keystead\.localhost)$/

/**
 * Decides x-ms-copy-source. It needs its own authorization: a SAS in its URL, x-ms-copy-source-authorization (for the
 * operations that take it), a public container, or, for Copy Blob within one account, the caller's own.
 * Throws CannotVerifyCopySource with the refusal's status.
 */
export async function decideCopySource(
  request: WireRequest,
  operation: DataOperation,
  authentication: Authentication,
  destination: Account,
  context: CopySourceContext,
  record: RecordSource,
): Promise<CopySource> {
  for (const name of ['x-ms-source-if-tags', 'x-ms-copy-source-tag-option', 'x-ms-source-lease-id']) {
    if (header(request, name) !== undefined) throw unsupportedHeader(name)
  }
  const { account, source } = readSource(request, context)
  const resource = resourceScope(account, source)
  record(resource, undefined)
  try {
    const sourceOperation = matchOperation(blobOperations, source)
    if (sourceOperation.name !== 'GetBlob') throw notImplemented('a copy source that is not a blob')
    const decision = await check(
      request,
      operation,
      authentication,
      destination,
      { account, source, sourceOperation },
      context,
      (refused) => record(resource, refused),
    )
    record(resource, decision)
  } catch (error) {
    if (!(error instanceof StorageError)) throw error
    if (error.status >= 500) throw error
    throw cannotVerifyCopySource(error.status, error.message)
  }
  const snapshot = source.query.get('snapshot')
  return {
    account,
    segments: source.segments,
    query: new Map(snapshot === undefined ? [] : [['snapshot', snapshot]]),
    resource,
  }
}

function readSource(request: WireRequest, context: CopySourceContext): { account: Account; source: WireRequest } {
  const text = header(request, 'x-ms-copy-source') ?? ''
  const url = URL.canParse(text) ? new URL(text) : undefined
  if (!url || (url.protocol !== 'https:' && url.protocol !== 'http:') || url.username !== '' || url.hash !== '') {
    throw invalidHeaderValue('x-ms-copy-source')
  }
  const name = localHost.exec(url.hostname)?.[1]
  // Only what is decided here can be a source: this server fetches no address that a caller names.
  if (name === undefined) throw notImplemented('a copy source outside this cloud')
  const account = context.find(name)
  if (account === undefined) throw cannotVerifyCopySource(404, 'The specified resource does not exist.')
  const target = parseTarget('blob', text.slice(text.indexOf(url.host) + url.host.length) || '/')
  if (!isValidName('blob', target.segments[0] ?? '')) throw invalidHeaderValue('x-ms-copy-source')
  return {
    account,
    source: {
      service: 'blob',
      method: 'GET',
      ...target,
      headers: {},
      rawHeaders: [],
      ...(request.apiVersion === undefined ? {} : { apiVersion: request.apiVersion }),
      secure: url.protocol === 'https:',
      clientIp: request.clientIp,
    },
  }
}

async function check(
  request: WireRequest,
  operation: DataOperation,
  authentication: Authentication,
  destination: Account,
  of: { account: Account; source: WireRequest; sourceOperation: DataOperation },
  context: CopySourceContext,
  refuse: (decision: Decision | undefined) => void,
): Promise<Decision | undefined> {
  const { account, source, sourceOperation } = of
  const authorization = header(request, 'x-ms-copy-source-authorization')
  if (authorization !== undefined) {
    if (operation.name === 'CopyBlob') throw unsupportedHeader('x-ms-copy-source-authorization')
    const caller = await verifyBearer('blob', account, authorization, context)
    const scope = resourceScope(account, source)
    const decision = decideByRole(context.authorizer, caller, [[readBlobAction]], scope)
    if (decision?.allowed) return decision
    refuse(decision)
    throw permissionMismatch()
  }
  const given = await authenticate(source, account, context)
  const inherits = given.kind === 'anonymous' && operation.name === 'CopyBlob' && account.name === destination.name
  if (inherits && authentication.kind === 'sharedKey') return undefined
  const asks = inherits && authentication.kind === 'bearer' ? authentication : given
  const outcome = authorize(context.authorizer, asks, sourceOperation, source, account, context.tenantId)
  if (outcome.refusal) {
    refuse(outcome.decision)
    throw outcome.refusal
  }
  if (asks.kind === 'anonymous') await checkPublic(account, source, context)
  return outcome.decision
}

/** Azurite itself says whether a container is public: it is asked without a signature. */
async function checkPublic(account: Account, source: WireRequest, context: CopySourceContext): Promise<void> {
  const answer = await context.azurite.send({
    service: 'blob',
    account: account.internalName,
    method: 'HEAD',
    segments: source.segments,
    query: new Map(),
    headers: [],
    signed: false,
    repeatable: true,
  })
  answer.resume()
  if (answer.statusCode !== 200)
    throw cannotVerifyCopySource(answer.statusCode ?? 404, 'The specified resource does not exist.')
}
