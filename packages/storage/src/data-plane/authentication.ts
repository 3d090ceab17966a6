/** Who a data-plane request comes from, by the form of authorization it carries. */
import { type Caller, TokenError, type TokenVerifier } from '@keystead/identity'
import type { Account } from '../accounts/account.ts'
import { delegationKey } from '../accounts/account.ts'
import {
  accountSasStringToSign,
  delegationSasStringToSign,
  ipAllowed,
  parseSasTime,
  readSas,
  type Sas,
  serviceSasStringToSign,
  signedResource,
} from './sas.ts'
import { sameSignature, sign, verifySharedKey } from './shared-key.ts'
import {
  authenticationFailed,
  invalidAuthenticationInfo,
  keyBasedAuthenticationNotPermitted,
  noAuthenticationInformation,
  protocolMismatch,
  publicAccessNotPermitted,
  serviceMismatch,
  sourceIpMismatch,
} from './storage-error.ts'
import { header, type WireRequest } from './wire-request.ts'

/** One stored access policy (signed identifier) of a container or queue. */
export interface StoredAccessPolicy {
  readonly start: string
  readonly expiry: string
  readonly permissions: string
}

export type Authentication =
  | { readonly kind: 'sharedKey' }
  | { readonly kind: 'bearer'; readonly caller: Caller }
  | { readonly kind: 'anonymous' }
  | {
      readonly kind: 'accountSas'
      readonly services: string
      readonly resourceTypes: string
      readonly permissions: string
      readonly sas: Sas
    }
  | { readonly kind: 'serviceSas'; readonly permissions: string; readonly container: boolean; readonly sas: Sas }
  | {
      readonly kind: 'delegationSas'
      readonly permissions: string
      readonly container: boolean
      readonly sas: Sas
      readonly objectId: string
      readonly tenantId: string
    }

export interface AuthenticationContext {
  readonly verifier: TokenVerifier
  readonly tenantId: string
  /** Milliseconds since the epoch. */
  readonly clock: () => number
  /** Reads a stored access policy of the container or queue `name`; undefined when there is none of that id. */
  readonly storedAccessPolicy: (
    account: Account,
    service: WireRequest['service'],
    name: string,
    id: string,
  ) => Promise<StoredAccessPolicy | undefined>
}

const maximumSkew = 15 * 60 * 1000
const longestDelegation = 7 * 24 * 60 * 60 * 1000

/**
 * Verifies what the request carries: `Authorization: Bearer`, `SharedKey` or `SharedKeyLite`, or a SAS in the query.
 * Throws the service's refusal. What the authenticated party may do is another question: see authorization.
 */
export async function authenticate(
  request: WireRequest,
  account: Account,
  context: AuthenticationContext,
): Promise<Authentication> {
  const authorization = header(request, 'authorization')
  const sas = readSas(request.query)
  if (authorization !== undefined) {
    const scheme = /^(\S+)/.exec(authorization)?.[1]?.toLowerCase()
    if (scheme === 'bearer') {
      if (sas !== undefined) throw authenticationFailed('Only one form of authorization may be given.')
      return bearer(request, account, authorization, context)
    }
    if (scheme === 'sharedkey' || scheme === 'sharedkeylite') {
      return sharedKey(request, account, authorization, context)
    }
    throw authenticationFailed('The Authorization header is not of a form this service takes.')
  }
  if (sas === undefined) return { kind: 'anonymous' }
  switch (sas.kind) {
    case 'account':
      return accountSas(request, account, sas, context)
    case 'service':
      return serviceSas(request, account, sas, context)
    case 'delegation':
      return delegationSas(request, account, sas, context)
  }
}

/** The answer to a request that carries nothing: the challenge for clients that know it, else why it is refused. */
export function refuseAnonymous(request: WireRequest, tenantId: string) {
  const version = request.apiVersion
  return version !== undefined && version >= '2019-12-12'
    ? noAuthenticationInformation(tenantId)
    : publicAccessNotPermitted()
}

async function bearer(
  request: WireRequest,
  account: Account,
  authorization: string,
  context: AuthenticationContext,
): Promise<Authentication> {
  if (!request.secure) throw authenticationFailed('Authentication scheme Bearer requires a secure transport.')
  const version = request.apiVersion
  if (version === undefined || version < '2017-11-09') {
    throw authenticationFailed('Authentication scheme Bearer is not supported in this version.')
  }
  return { kind: 'bearer', caller: await verifyBearer(request.service, account, authorization, context) }
}

/** Verifies a token for this account's data. Throws InvalidAuthenticationInfo, with the challenge. */
export async function verifyBearer(
  service: WireRequest['service'],
  account: Account,
  authorization: string,
  context: Pick<AuthenticationContext, 'verifier' | 'tenantId'>,
): Promise<Caller> {
  try {
    return await context.verifier.verify(authorization, [
      'https://storage.azure.com',
      `https://${account.name}.${service}.core.windows.net`,
    ])
  } catch (error) {
    if (!(error instanceof TokenError)) throw error
    throw invalidAuthenticationInfo(context.tenantId, tokenDetail(error.reason))
  }
}

function tokenDetail(reason: TokenError['reason']): string {
  switch (reason) {
    case 'expired':
      return 'Lifetime validation failed. The token is expired.'
    case 'notYetValid':
      return 'Lifetime validation failed. The token is not yet valid.'
    case 'audience':
      return 'Audience validation failed. Audience did not match.'
    case 'issuer':
      return 'Issuer validation failed. Issuer did not match.'
    case 'signature':
      return 'Signature validation failed.'
    default:
      return 'The token is missing or malformed.'
  }
}

const sharedKeyForm = /^(SharedKey|SharedKeyLite)\s+([a-z0-9]+):([A-Za-z0-9+/]{43}=)$/

function sharedKey(
  request: WireRequest,
  account: Account,
  authorization: string,
  context: AuthenticationContext,
): Authentication {
  const match = sharedKeyForm.exec(authorization)
  if (!match) throw authenticationFailed('The Authorization header is not formed as SharedKey account:signature.')
  const [, scheme, name, signature = ''] = match
  if (name !== account.name) throw authenticationFailed('The account in the Authorization header is another one.')
  if (!account.policy.allowSharedKeyAccess) throw keyBasedAuthenticationNotPermitted()
  const date = Date.parse(header(request, 'x-ms-date') ?? header(request, 'date') ?? '')
  if (Number.isNaN(date)) throw authenticationFailed('A valid Date or x-ms-date header is needed.')
  if (Math.abs(date - context.clock()) > maximumSkew) {
    throw authenticationFailed('Request date header too old or in the future.')
  }
  const keys = account.keys.map((key) => key.value)
  const lite = scheme === 'SharedKeyLite'
  if (verifySharedKey(request, account.name, lite ? 'SharedKeyLite' : 'SharedKey', signature, keys) === undefined) {
    throw authenticationFailed('The MAC signature found in the HTTP request is not the same as any computed signature.')
  }
  return { kind: 'sharedKey' }
}

const signatureMismatch = () =>
  authenticationFailed('Signature did not match. The string to sign is not the one that was signed.')

function signedWithAccountKey(account: Account, text: string, signature: string): boolean {
  let matches = false
  for (const key of account.keys) if (sameSignature(sign(key.value, text), signature)) matches = true
  return matches
}

/** Window, protocol and address, in the order in which the service refuses them. */
function checkConstraints(request: WireRequest, sas: Sas, start: string, expiry: string, now: number): void {
  const ends = parseSasTime(expiry)
  if (ends === undefined) throw authenticationFailed('Signed expiry is missing or is not a valid time.')
  if (start !== '') {
    const begins = parseSasTime(start)
    if (begins === undefined) throw authenticationFailed('Signed start is not a valid time.')
    if (begins > now) throw authenticationFailed(`Signature not valid in the specified time frame: Start [${start}]`)
  }
  if (ends <= now) throw authenticationFailed(`Signature not valid in the specified time frame: Expiry [${expiry}]`)
  const protocol = sas.field('spr')
  if (protocol !== '' && protocol !== 'https' && protocol !== 'https,http' && protocol !== 'http,https') {
    throw authenticationFailed('Signed protocol is not valid.')
  }
  if (protocol === 'https' && !request.secure) throw protocolMismatch()
  const range = sas.field('sip')
  if (range !== '' && !ipAllowed(range, request.clientIp)) throw sourceIpMismatch(request.clientIp)
}

function accountSas(request: WireRequest, account: Account, sas: Sas, context: AuthenticationContext): Authentication {
  if (!account.policy.allowSharedKeyAccess) throw keyBasedAuthenticationNotPermitted()
  if (!signedWithAccountKey(account, accountSasStringToSign(sas, account.name), sas.signature))
    throw signatureMismatch()
  checkConstraints(request, sas, sas.field('st'), sas.field('se'), context.clock())
  return {
    kind: 'accountSas',
    services: sas.field('ss'),
    resourceTypes: sas.field('srt'),
    permissions: sas.field('sp'),
    sas,
  }
}

/** What a service or delegation SAS is on; refuses the kinds of resource that are not served here. */
function checkSignedResource(request: WireRequest, sas: Sas): { container: boolean; snapshot: string } {
  if (request.segments.length === 0) throw authenticationFailed('A service SAS does not sign the account.')
  if (request.service === 'queue') return { container: true, snapshot: '' }
  const snapshot = request.query.get('snapshot') ?? ''
  switch (sas.field('sr')) {
    case 'c':
      return { container: true, snapshot: '' }
    case 'b':
      // It signs the blob and not its snapshots.
      if (request.segments.length < 2 || snapshot !== '') throw signatureMismatch()
      return { container: false, snapshot: '' }
    case 'bs':
      if (request.segments.length < 2 || snapshot === '') throw signatureMismatch()
      return { container: false, snapshot }
    default:
      throw authenticationFailed('sr is mandatory and must be one of b, bs, c here.')
  }
}

async function serviceSas(
  request: WireRequest,
  account: Account,
  sas: Sas,
  context: AuthenticationContext,
): Promise<Authentication> {
  if (!account.policy.allowSharedKeyAccess) throw keyBasedAuthenticationNotPermitted()
  const { container, snapshot } = checkSignedResource(request, sas)
  const resource = signedResource(sas, request.service, account.name, request.segments)
  if (!signedWithAccountKey(account, serviceSasStringToSign(sas, request.service, resource, snapshot), sas.signature)) {
    throw signatureMismatch()
  }
  let [start, expiry, permissions] = [sas.field('st'), sas.field('se'), sas.field('sp')]
  const identifier = sas.field('si')
  if (identifier !== '') {
    const policy = await context.storedAccessPolicy(account, request.service, request.segments[0] ?? '', identifier)
    if (policy === undefined) throw authenticationFailed('Signed identifier was not found.')
    const twice = (a: string, b: string) => a !== '' && b !== ''
    if (twice(start, policy.start) || twice(expiry, policy.expiry) || twice(permissions, policy.permissions)) {
      throw authenticationFailed('A field is given both in the signature and in the stored access policy.')
    }
    start ||= policy.start
    expiry ||= policy.expiry
    permissions ||= policy.permissions
  }
  checkConstraints(request, sas, start, expiry, context.clock())
  return { kind: 'serviceSas', permissions, container, sas }
}

function delegationSas(
  request: WireRequest,
  account: Account,
  sas: Sas,
  context: AuthenticationContext,
): Authentication {
  if (request.service !== 'blob') throw serviceMismatch()
  for (const name of ['suoid', 'sduoid', 'skdutid', 'srh', 'srq', 'sdd']) {
    if (sas.field(name) !== '') throw authenticationFailed(`${name} is not supported.`)
  }
  const { container, snapshot } = checkSignedResource(request, sas)
  const fields = {
    objectId: sas.field('skoid'),
    tenantId: sas.field('sktid'),
    start: sas.field('skt'),
    expiry: sas.field('ske'),
    service: sas.field('sks'),
    version: sas.field('skv'),
  }
  const resource = signedResource(sas, request.service, account.name, request.segments)
  const text = delegationSasStringToSign(sas, resource, snapshot)
  if (!sameSignature(sign(delegationKey(account, fields), text), sas.signature)) throw signatureMismatch()
  const now = context.clock()
  const [keyStart, keyExpiry] = [parseSasTime(fields.start), parseSasTime(fields.expiry)]
  if (
    fields.service !== 'b' ||
    fields.tenantId !== context.tenantId ||
    keyStart === undefined ||
    keyExpiry === undefined ||
    keyExpiry - keyStart > longestDelegation
  ) {
    throw authenticationFailed('The user delegation key is not valid.')
  }
  if (keyStart > now || keyExpiry <= now) {
    throw authenticationFailed(
      `The user delegation key is not valid in the specified time frame: Start [${fields.start}] Expiry [${fields.expiry}]`,
    )
  }
  checkConstraints(request, sas, sas.field('st'), sas.field('se'), now)
  return {
    kind: 'delegationSas',
    permissions: sas.field('sp'),
    container,
    sas,
    objectId: fields.objectId,
    tenantId: fields.tenantId,
  }
}
