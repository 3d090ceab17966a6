/** How a failed call of an app reads over HTTP. */
import { encodeGoJson } from '../gojson/encode.ts'
import { StatusError } from '../grpc/status.ts'
import type { ApiError } from '../runtime/api-error.ts'
import type { AppResponse } from './app-channel.ts'

export { failureText } from '../grpc/client.ts'

/** A call that did not reach the app, or that the app's sidecar refused. */
export class InvokeFailure extends Error {
  override readonly name = 'InvokeFailure'
  readonly error: ApiError
  readonly httpStatus: number

  constructor(error: ApiError, httpStatus: number) {
    super(error.message)
    this.error = error
    this.httpStatus = httpStatus
  }
}

export function isDenied(error: unknown): boolean {
  return error instanceof StatusError && error.status.code === 'PermissionDenied'
}

const httpStatuses = [200, 408, 500, 400, 504, 404, 409, 403, 429, 400, 409, 400, 501, 500, 503, 500, 401]

/** The HTTP status for a gRPC status code (invokev1.HTTPStatusFromCode). */
export function httpStatusOfCode(code: number): number {
  return httpStatuses[code] ?? 500
}

/** A gRPC status as protojson writes it, what is zero left out. */
export function statusJson({ status, message, details }: AppResponse): string {
  const members = [
    ...(status === 0 ? [] : [`"code":${status}`]),
    ...(message === '' ? [] : [`"message":${encodeGoJson(message)}`]),
    ...(details.length === 0 ? [] : [`"details":[${details.map(detailJson).join(',')}]`]),
  ]
  return `{${members.join(',')}}`
}

function detailJson({ typeUrl, value }: { readonly typeUrl: string; readonly value: Uint8Array }): string {
  return `{"@type":${encodeGoJson(typeUrl)},"value":${encodeGoJson(Buffer.from(value).toString('base64'))}}`
}
