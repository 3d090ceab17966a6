/** Dapr's API errors, the same for every transport: each made here, once, with its code, statuses and details. */
import { encodeGoJson } from '../gojson/encode.ts'

/** gRPC status codes in use. */
export type GrpcCode =
  | 'OK'
  | 'InvalidArgument'
  | 'NotFound'
  | 'PermissionDenied'
  | 'FailedPrecondition'
  | 'Unimplemented'
  | 'Internal'
  | 'Unavailable'

export type ErrorDetail = Readonly<Record<string, unknown>> & { readonly '@type': string }

export interface ApiErrorParts {
  /** `ERR_…` or, where Dapr has no older name for it, the reason of the detail. */
  readonly errorCode: string
  readonly httpStatus: number
  readonly grpcCode: GrpcCode
  readonly message: string
  /** The building block, as the error metrics name it. */
  readonly category: string
  readonly details?: readonly ErrorDetail[]
}

export class ApiError extends Error {
  override readonly name = 'ApiError'
  readonly errorCode: string
  readonly httpStatus: number
  readonly grpcCode: GrpcCode
  readonly category: string
  readonly details: readonly ErrorDetail[]

  constructor(parts: ApiErrorParts) {
    super(parts.message)
    this.errorCode = parts.errorCode
    this.httpStatus = parts.httpStatus
    this.grpcCode = parts.grpcCode
    this.category = parts.category
    this.details = parts.details ?? []
  }

  /** The text of the error where it is logged or wrapped by another. */
  describe(): string {
    return `api error: code = ${this.grpcCode} desc = ${this.message}`
  }

  /** The body of the HTTP answer. */
  toJson(): string {
    const body = `{"errorCode":${encodeGoJson(this.errorCode)},"message":${encodeGoJson(this.message)}`
    return this.details.length > 0 ? `${body},"details":[${this.details.map(detailJson).join(',')}]}` : `${body}}`
  }
}

/** Go writes a detail's own members in alphabetical order, but those of a field violation as the struct has them. */
function detailJson(detail: ErrorDetail): string {
  const violations = detail['field_violations']
  if (!Array.isArray(violations)) return encodeGoJson(detail)
  const items = violations.map((violation: Readonly<Record<string, unknown>>) => {
    const members = ['field', 'description'].filter((name) => violation[name] !== undefined && violation[name] !== '')
    return `{${members.map((name) => `${encodeGoJson(name)}:${encodeGoJson(violation[name])}`).join(',')}}`
  })
  return `{"@type":${encodeGoJson(detail['@type'])},"field_violations":[${items.join(',')}]}`
}

const type = (name: string) => `type.googleapis.com/google.rpc.${name}` as const

function errorInfo(reason: string, metadata: Readonly<Record<string, string>> | null): ErrorDetail {
  return { '@type': type('ErrorInfo'), domain: 'dapr.io', metadata, reason }
}

function resourceInfo(resourceType: string, resourceName: string): ErrorDetail {
  return {
    '@type': type('ResourceInfo'),
    description: '',
    owner: '',
    resource_name: resourceName,
    resource_type: resourceType,
  }
}

const simple =
  (errorCode: string, httpStatus: number, grpcCode: GrpcCode, category: string) =>
  (message: string): ApiError =>
    new ApiError({ errorCode, httpStatus, grpcCode, message, category })

/** A body that is not what the API asks for: `message` has the reader's own words. */
export const malformedRequest = simple('ERR_MALFORMED_REQUEST', 400, 'OK', 'common')

export function malformedBody(reason: string): ApiError {
  return simple('ERR_MALFORMED_REQUEST', 400, 'InvalidArgument', 'common')(`failed deserializing HTTP body: ${reason}`)
}

export function bodyRead(reason: string): ApiError {
  return simple('ERR_BODY_READ', 400, 'InvalidArgument', 'common')(`failed to read request body: ${reason}`)
}

export function notImplemented(): ApiError {
  return simple('ERR_API_UNIMPLEMENTED', 501, 'Unimplemented', 'common')('this API is currently not implemented')
}

/** What was not foreseen; the text stays in the log. */
export function internalError(): ApiError {
  return simple('ERROR', 500, 'Internal', 'common')('unknown error')
}

export const health = {
  notReady: (targets: readonly string[]) =>
    simple('ERR_HEALTH_NOT_READY', 500, 'Internal', 'health')(`dapr is not ready: [${targets.join(' ')}]`),
  outboundNotReady: () =>
    simple('ERR_OUTBOUND_HEALTH_NOT_READY', 500, 'Internal', 'health')('dapr outbound is not ready'),
  appIdMismatch: () => simple('ERR_HEALTH_APPID_NOT_MATCH', 500, 'Internal', 'health')('dapr app-id does not match'),
}

export const secret = {
  storesNotConfigured: () =>
    simple('ERR_SECRET_STORES_NOT_CONFIGURED', 500, 'FailedPrecondition', 'secret')('secret store is not configured'),
  storeNotFound: (store: string) =>
    simple(
      'ERR_SECRET_STORE_NOT_FOUND',
      401,
      'InvalidArgument',
      'secret',
    )(`failed finding secret store with key ${store}`),
  permissionDenied: (quotedKey: string, quotedStore: string) =>
    simple(
      'ERR_PERMISSION_DENIED',
      403,
      'PermissionDenied',
      'secret',
    )(`access denied by policy to get ${quotedKey} from ${quotedStore}`),
  get: (key: string, store: string, reason: string) =>
    simple(
      'ERR_SECRET_GET',
      500,
      'Internal',
      'secret',
    )(`failed getting secret with key ${key} from secret store ${store}: ${reason}`),
  bulkGet: (store: string, reason: string) =>
    simple('ERR_SECRET_GET', 500, 'Internal', 'secret')(`failed getting secrets from secret store ${store}: ${reason}`),
}

function stateError(
  parts: Omit<ApiErrorParts, 'category' | 'details'>,
  reason: string,
  store: string | undefined,
  metadata: Readonly<Record<string, string>> | null,
  first: readonly ErrorDetail[] = [],
): ApiError {
  const details = [
    ...first,
    ...(store === undefined ? [] : [resourceInfo('state', store)]),
    errorInfo(reason, metadata),
  ]
  return new ApiError({ ...parts, category: 'state', details })
}

export const state = {
  storesNotConfigured: (store: string, appId: string) =>
    stateError(
      {
        errorCode: 'ERR_STATE_STORE_NOT_CONFIGURED',
        httpStatus: 500,
        grpcCode: 'FailedPrecondition',
        message: `state store ${store} is not configured`,
      },
      'DAPR_STATE_NOT_CONFIGURED',
      undefined,
      appId ? { appID: appId } : null,
    ),
  storeNotFound: (store: string, appId: string) =>
    stateError(
      {
        errorCode: 'ERR_STATE_STORE_NOT_FOUND',
        httpStatus: 400,
        grpcCode: 'InvalidArgument',
        message: `state store ${store} is not found`,
      },
      'DAPR_STATE_NOT_FOUND',
      undefined,
      appId ? { appID: appId } : null,
    ),
  illegalKey: (store: string, key: string, message: string) =>
    stateError(
      { errorCode: 'ERR_MALFORMED_REQUEST', httpStatus: 400, grpcCode: 'InvalidArgument', message },
      'DAPR_STATE_ILLEGAL_KEY',
      store,
      null,
      [{ '@type': type('BadRequest'), field_violations: [{ field: key, description: message }] }],
    ),
  transactionsNotSupported: (store: string) =>
    stateError(
      {
        errorCode: 'ERR_STATE_STORE_NOT_SUPPORTED',
        httpStatus: 500,
        grpcCode: 'Unimplemented',
        message: `state store ${store} doesn't support transactions`,
      },
      'DAPR_STATE_TRANSACTIONS_NOT_SUPPORTED',
      store,
      null,
      [
        {
          '@type': type('Help'),
          links: [
            {
              description: 'Check the list of state stores and the features they support',
              url: 'https://docs.dapr.io/reference/components-reference/supported-state-stores/',
            },
          ],
        },
      ],
    ),
  queryNotSupported: (store: string) =>
    stateError(
      {
        errorCode: 'ERR_STATE_STORE_NOT_SUPPORTED',
        httpStatus: 500,
        grpcCode: 'Internal',
        message: 'state store does not support querying',
      },
      'DAPR_STATE_QUERYING_NOT_SUPPORTED',
      store,
      null,
    ),
  queryFailed: (store: string, reason: string) =>
    stateError(
      {
        errorCode: 'ERR_STATE_QUERY',
        httpStatus: 500,
        grpcCode: 'Internal',
        message: `state store ${store} query failed: ${reason}`,
      },
      'DAPR_STATE_QUERY_FAILED',
      store,
      null,
    ),
  get: (key: string, store: string, reason: string) =>
    simple('ERR_STATE_GET', 500, 'OK', 'state')(`fail to get ${key} from state store ${store}: ${reason}`),
  save: (store: string, reason: string, httpStatus: number) =>
    simple('ERR_STATE_SAVE', httpStatus, 'OK', 'state')(`failed saving state in state store ${store}: ${reason}`),
  delete: (key: string, reason: string, httpStatus: number) =>
    simple('ERR_STATE_DELETE', httpStatus, 'OK', 'state')(`failed deleting state with key ${key}: ${reason}`),
  deleteBulk: (store: string, reason: string, httpStatus: number) =>
    simple(
      'ERR_STATE_BULK_DELETE',
      httpStatus,
      'OK',
      'state',
    )(`failed deleting state in state store ${store}: ${reason}`),
  emptyKey: () => simple('ERR_STATE_SAVE', 400, 'OK', 'state')('state key cannot be empty'),
  bulkGet: (reason: string) => simple('ERR_STATE_BULK_GET', 500, 'OK', 'state')(reason),
  operationNotSupported: (operation: string) =>
    simple('ERR_NOT_SUPPORTED_STATE_OPERATION', 400, 'OK', 'state')(`operation type ${operation} not supported`),
  transaction: (reason: string) =>
    simple('ERR_STATE_TRANSACTION', 500, 'OK', 'state')(`error while executing state transaction: ${reason}`),
}

/** What daprd answers for building blocks when no component of theirs is loaded. */
export const unconfigured = {
  pubsub: (name: string) =>
    new ApiError({
      errorCode: 'ERR_PUBSUB_NOT_FOUND',
      httpStatus: 404,
      grpcCode: 'InvalidArgument',
      message: `pubsub ${name} is not found`,
      category: 'pubsub',
      details: [errorInfo('DAPR_PUBSUB_NOT_FOUND', {})],
    }),
  pubsubWithoutName: () =>
    new ApiError({
      errorCode: 'ERR_PUBSUB_EMPTY',
      httpStatus: 404,
      grpcCode: 'InvalidArgument',
      message: 'pubsub name is empty',
      category: 'pubsub',
      details: [
        { ...resourceInfo('pubsub', ''), description: 'pubsub name is empty' },
        errorInfo('DAPR_PUBSUB_NAME_EMPTY', null),
      ],
    }),
  configuration: () =>
    simple('ERR_CONFIGURATION_STORE_NOT_CONFIGURED', 500, 'OK', 'configuration')('configuration stores not configured'),
  crypto: () =>
    simple('ERR_CRYPTO_PROVIDERS_NOT_CONFIGURED', 500, 'Internal', 'crypto')('crypto providers not configured'),
  lock: () =>
    simple('ERR_LOCK_STORE_NOT_CONFIGURED', 500, 'FailedPrecondition', 'lock')('lock store is not configured'),
  lockExpiry: (store: string) =>
    simple(
      'ERR_MALFORMED_REQUEST',
      400,
      'InvalidArgument',
      'lock',
    )(`ExpiryInSeconds is not positive in lock store ${store}`),
  actors: () => simple('ERR_ACTOR_NO_PLACEMENT', 400, 'Unavailable', 'actor')('placement service is not configured'),
  appChannel: () => simple('ERR_APP_CHANNEL_NIL', 500, 'Internal', 'common')('app channel is not initialized'),
  conversation: (name: string) =>
    simple(
      'ERR_CONVERSATION_NOT_FOUND',
      400,
      'InvalidArgument',
      'conversation',
    )(`failed finding conversation component ${name}`),
  binding: (name: string) =>
    simple(
      'ERR_INVOKE_OUTPUT_BINDING',
      500,
      'OK',
      'binding',
    )(`error invoking output binding ${name}: couldn't find output binding ${name}`),
  bindingWithoutOperation: (name: string) =>
    simple(
      'ERR_INVOKE_OUTPUT_BINDING',
      500,
      'OK',
      'binding',
    )(`error invoking output binding ${name}: operation field is missing from request`),
}

/** No app id in a call of another app's method; the answer for every unknown path as well. */
export function noTargetApp(): ApiError {
  return simple(
    'ERR_DIRECT_INVOKE',
    404,
    'NotFound',
    'service-invocation',
  )('failed getting app id either from the URL path or the header dapr-app-id')
}

/** A call of another app that failed on its way. */
export function directInvoke(target: string, reason: string): ApiError {
  return simple(
    'ERR_DIRECT_INVOKE',
    500,
    'Internal',
    'service-invocation',
  )(`failed to invoke, id: ${target}, err: ${reason}`)
}
