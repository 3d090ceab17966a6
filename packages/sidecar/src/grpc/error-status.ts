/** Dapr's API errors as gRPC statuses, with their details (pkg/api/errors, dapr/kit/errors). */
import { BinaryWriter } from '@bufbuild/protobuf/wire'
import { http } from '../http/builtin.ts'
import type { ApiError, ErrorDetail } from '../runtime/api-error.ts'
import { BadRequest, ErrorInfo, Help, ResourceInfo } from './gen/google/rpc/error_details.ts'
import { Status as RpcStatus } from './gen/google/rpc/status.ts'
import type { MessageType } from './messages.ts'
import { type CodeName, codes, ok, type Status } from './status.ts'

const domain = 'dapr.io'
const typePrefix = 'type.googleapis.com/google.rpc.'

/** The codes of errors that HTTP has none for: daprd's `apierrors.Basic` calls. */
const basicCodes: Readonly<Record<string, CodeName>> = {
  ERR_CONFIGURATION_STORE_NOT_CONFIGURED: 'FailedPrecondition',
  ERR_NOT_SUPPORTED_STATE_OPERATION: 'Unimplemented',
}

export function statusOf(error: ApiError): Status {
  const { message } = error
  if (error.grpcCode === 'OK') {
    const code = basicCodes[error.errorCode] ?? codeOfHttpStatus(error.httpStatus)
    return withDetails(code, message, [any('ErrorInfo', ErrorInfo, { reason: error.errorCode, domain, metadata: {} })])
  }
  if (error.details.length === 0) return { code: error.grpcCode, message }
  return withDetails(error.grpcCode, message, error.details.map(anyOf))
}

/** The status daprd makes of an HTTP status (invokev1.ErrorFromHTTPResponseCode). */
export function statusOfHttp(
  code: 'Unauthenticated' | 'Unimplemented',
  httpStatus: number,
  text: string,
  detail: string,
) {
  return withDetails(code, text, [
    any('ErrorInfo', ErrorInfo, {
      reason: text,
      domain,
      metadata: { 'http.code': String(httpStatus), 'http.error_message': detail.slice(0, 63) },
    }),
  ])
}

const codesByHttpStatus: Readonly<Record<number, CodeName>> = {
  408: 'Canceled',
  500: 'Unknown',
  400: 'Internal',
  504: 'DeadlineExceeded',
  404: 'NotFound',
  409: 'AlreadyExists',
  403: 'PermissionDenied',
  401: 'Unauthenticated',
  429: 'ResourceExhausted',
  501: 'Unimplemented',
  503: 'Unavailable',
}

/** What the answer of an HTTP app is over gRPC (invokev1.ErrorFromHTTPResponseCode). */
export function statusOfHttpResponse(httpStatus: number, body: string): Status {
  if (httpStatus >= 200 && httpStatus < 300) return ok
  const text = httpStatusText(httpStatus)
  return withDetails(codesByHttpStatus[httpStatus] ?? 'Unknown', text, [
    any('ErrorInfo', ErrorInfo, {
      reason: text,
      domain,
      metadata: { 'http.code': String(httpStatus), 'http.error_message': body.slice(0, 63) },
    }),
  ])
}

function httpStatusText(status: number): string {
  return http.STATUS_CODES[status] ?? ''
}

function codeOfHttpStatus(httpStatus: number): CodeName {
  if (httpStatus === 409) return 'Aborted'
  return httpStatus === 400 ? 'InvalidArgument' : 'Internal'
}

interface Any {
  readonly typeUrl: string
  readonly value: Uint8Array
}

function withDetails(code: CodeName, message: string, details: Any[]): Status {
  return { code, message, details: encode(RpcStatus, { code: codes[code], message, details }) }
}

function any<T>(name: string, type: MessageType<T>, message: T): Any {
  return { typeUrl: `${typePrefix}${name}`, value: encode(type, message) }
}

function encode<T>(type: MessageType<T>, message: T): Uint8Array {
  return type.encode(message, new BinaryWriter()).finish()
}

/** A detail as it is for HTTP, as the message that it stands for. */
function anyOf(detail: ErrorDetail): Any {
  const name = detail['@type'].slice(typePrefix.length)
  switch (name) {
    case 'ErrorInfo':
      return any(name, ErrorInfo, {
        reason: text(detail['reason']),
        domain: text(detail['domain']),
        metadata: Object.fromEntries(
          Object.entries(detail['metadata'] ?? {}).map(([key, value]) => [key, text(value)]),
        ),
      })
    case 'ResourceInfo':
      return any(name, ResourceInfo, {
        resourceType: text(detail['resource_type']),
        resourceName: text(detail['resource_name']),
        owner: text(detail['owner']),
        description: text(detail['description']),
      })
    case 'BadRequest':
      return any(name, BadRequest, {
        fieldViolations: list(detail['field_violations']).map((violation) => ({
          field: text(violation['field']),
          description: text(violation['description']),
        })),
      })
    case 'Help':
      return any(name, Help, {
        links: list(detail['links']).map((link) => ({
          description: text(link['description']),
          url: text(link['url']),
        })),
      })
    default:
      throw new TypeError(`no message for the error detail ${detail['@type']}`)
  }
}

function text(value: unknown): string {
  return typeof value === 'string' ? value : ''
}

function list(value: unknown): readonly Readonly<Record<string, unknown>>[] {
  return Array.isArray(value) ? value : []
}
