/** Whether who asks may do the operation. */
import type { Authorizer, Decision, Principal } from '@keystead/authorization'
import type { Account } from '../accounts/account.ts'
import type { Authentication } from './authentication.ts'
import { refuseAnonymous } from './authentication.ts'
import { readTagsAction, writeTagsAction } from './blob-operations.ts'
import type { Alternatives, DataOperation } from './operation.ts'
import {
  authenticationFailed,
  permissionMismatch,
  publicAccessNotPermitted,
  resourceTypeMismatch,
  type StorageError,
  serviceMismatch,
} from './storage-error.ts'
import { header, type WireRequest } from './wire-request.ts'

/** The outcome and the record behind it. */
export interface Authorization {
  readonly refusal?: StorageError
  /** Present when a role decided. */
  readonly decision?: Decision
  /** Allowed only if nothing is overwritten. */
  readonly createOnly: boolean
}

/** The resource id acted on, e.g. `…/blobServices/default/containers/C/blobs/a%2Fb`. A blob's name is one segment. */
export function resourceScope(account: Account, request: Pick<WireRequest, 'service' | 'segments'>): string {
  const [name, blob] = request.segments
  if (name === undefined) return account.resourceId
  if (request.service === 'queue') return `${account.resourceId}/queueServices/default/queues/${name}`
  const container = `${account.resourceId}/blobServices/default/containers/${name}`
  return blob === undefined ? container : `${container}/blobs/${encodeURIComponent(blob)}`
}

/** Where a role can be assigned for it: Azure takes assignments on containers and queues, not on single blobs. */
export function assignableScope(scope: string): string {
  return scope.replace(/(\/containers\/[^/]+)\/blobs\/.*$/is, '$1')
}

/** What headers and parameters ask for besides the operation: index tags. */
function tagRequirements(operation: DataOperation, request: WireRequest): { actions: Alternatives; letters: string } {
  const actions = []
  if (operation.write && header(request, 'x-ms-tags') !== undefined) actions.push(writeTagsAction)
  if (header(request, 'x-ms-if-tags') !== undefined) actions.push(readTagsAction)
  if (operation.name === 'ListBlobs' && includes(request, 'tags')) actions.push(readTagsAction)
  return { actions: actions.length === 0 ? [] : [actions], letters: actions.length === 0 ? '' : 't' }
}

function includes(request: WireRequest, what: string): boolean {
  return (request.query.get('include') ?? '').split(',').some((item) => item.trim().toLowerCase() === what)
}

function anyOf(letters: string, permissions: string): boolean {
  return [...letters].some((letter) => permissions.includes(letter))
}

/** Decides by roles: the first alternative that is granted whole, else the first refusal. */
export function decideByRole(
  authorizer: Authorizer,
  principal: Principal,
  alternatives: Alternatives,
  scope: string,
): Decision | undefined {
  let refused: Decision | undefined
  for (const actions of alternatives) {
    let last: Decision | undefined
    for (const { action, plane } of actions) {
      last = authorizer.decide({ by: 'role', principal, action, plane, scope })
      if (!last.allowed) break
    }
    if (last?.allowed) return last
    refused ??= last
  }
  return refused
}

function byRole(
  authorizer: Authorizer,
  principal: Principal,
  operation: DataOperation,
  request: WireRequest,
  account: Account,
): Authorization {
  const scope = resourceScope(account, request)
  const tags = tagRequirements(operation, request)
  if (tags.actions.length > 0) {
    const decision = decideByRole(authorizer, principal, tags.actions, scope)
    if (!decision?.allowed) return { refusal: permissionMismatch(), createOnly: false, ...(decision && { decision }) }
  }
  const decision = decideByRole(authorizer, principal, operation.actions, scope)
  if (decision?.allowed) return { decision, createOnly: false }
  if (operation.createActions) {
    const creating = decideByRole(authorizer, principal, operation.createActions, scope)
    if (creating?.allowed) return { decision: creating, createOnly: true }
  }
  return { refusal: permissionMismatch(), createOnly: false, ...(decision && { decision }) }
}

/** By the letters of a SAS; undefined when they do not allow it. */
function byLetters(
  operation: DataOperation,
  request: WireRequest,
  permissions: string,
  letters: string,
): { createOnly: boolean } | undefined {
  const tags = tagRequirements(operation, request)
  if (tags.letters !== '' && !anyOf(tags.letters, permissions)) return undefined
  if (anyOf(letters, permissions)) return { createOnly: false }
  if (operation.createSas && anyOf(operation.createSas, permissions)) return { createOnly: true }
  return undefined
}

/** Decides one operation for one authenticated party. Nothing is thrown: the refusal goes to the audit trail as well. */
export function authorize(
  authorizer: Authorizer,
  authentication: Authentication,
  operation: DataOperation,
  request: WireRequest,
  account: Account,
  tenantId: string,
): Authorization {
  const refuse = (refusal: StorageError): Authorization => ({ refusal, createOnly: false })
  switch (authentication.kind) {
    case 'anonymous':
      // Azurite then answers only where the container itself is public.
      return account.policy.allowBlobPublicAccess && operation.publicRead
        ? { createOnly: false }
        : refuse(refuseAnonymous(request, tenantId))
    case 'sharedKey':
      if (operation.local === 'userDelegationKey') {
        return refuse(authenticationFailed('Only authentication scheme Bearer is supported.'))
      }
      return { createOnly: false }
    case 'bearer':
      return byRole(authorizer, authentication.caller, operation, request, account)
    case 'accountSas': {
      if (!authentication.services.includes(request.service === 'blob' ? 'b' : 'q')) return refuse(serviceMismatch())
      if (operation.accountSas === undefined) return refuse(permissionMismatch())
      const { resourceType, permissions } = operation.accountSas
      if (!authentication.resourceTypes.includes(resourceType)) return refuse(resourceTypeMismatch())
      return byLetters(operation, request, authentication.permissions, permissions) ?? refuse(permissionMismatch())
    }
    case 'serviceSas':
      return (
        byLetters(operation, request, authentication.permissions, operation.serviceSas) ?? refuse(permissionMismatch())
      )
    case 'delegationSas': {
      const letters = byLetters(operation, request, authentication.permissions, operation.serviceSas)
      if (letters === undefined) return refuse(permissionMismatch())
      // Groups are not in a SAS: only roles of the identity itself count.
      const principal = { objectId: authentication.objectId, tenantId: authentication.tenantId, groupIds: [] }
      const role = byRole(authorizer, principal, operation, request, account)
      return { ...role, createOnly: role.createOnly || letters.createOnly }
    }
  }
}

/** Refuses what an account's settings forbid whoever asks. */
export function checkAccountPolicy(account: Account, request: WireRequest): StorageError | undefined {
  const publicAccess = header(request, 'x-ms-blob-public-access')
  if (publicAccess !== undefined && !account.policy.allowBlobPublicAccess) return publicAccessNotPermitted()
  return undefined
}
