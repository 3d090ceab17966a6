/** Requests and answers in the messages that sidecars send each other (dapr.proto.internals.v1). */
import type {
  InternalInvokeRequest,
  InternalInvokeResponse,
  ListStringValue,
} from '../grpc/gen/dapr/proto/internals/v1/service_invocation.ts'
import type { AppRequest, AppResponse } from './app-channel.ts'
import { invokeMessage, verbName } from './grpc-app-channel.ts'
import { firstValue, type HeaderMap } from './headers.ts'
import { traceparentOf } from './trace-metadata.ts'

export const invocationPrefix = '/dapr.proto.internals.v1.ServiceInvocation/'
const apiVersion1 = 1
const empty = new Uint8Array(0)

type Wire = Record<string, ListStringValue>

export function toWire(headers: HeaderMap): Wire {
  const wire: Wire = {}
  for (const [name, values] of headers) Object.defineProperty(wire, name, entry(values))
  return wire
}

function entry(values: string[]): PropertyDescriptor {
  return { value: { values }, enumerable: true, configurable: true, writable: true }
}

export function fromWire(wire: Readonly<Wire>): HeaderMap {
  return new Map(Object.entries(wire).map(([name, { values }]) => [name, values]))
}

/** The first message of a call: all but the body. */
export function requestMessage(request: AppRequest, more: HeaderMap): InternalInvokeRequest {
  return {
    ver: apiVersion1,
    metadata: toWire(new Map([...request.headers, ...more])),
    message: invokeMessage(request, empty),
    actor: undefined,
  }
}

/** The call that a message asks for; undefined where it lacks what it must have. */
export function readRequest(
  { metadata, message }: InternalInvokeRequest,
  body: AppRequest['body'],
  traceparent: string | undefined,
): AppRequest | undefined {
  if (!message) return undefined
  const headers = fromWire(metadata)
  return {
    method: message.method,
    verb: verbName(message.httpExtension?.verb ?? 0),
    query: message.httpExtension?.querystring ?? '',
    headers,
    contentType: message.contentType,
    typeUrl: message.data?.typeUrl ?? '',
    body,
    traceparent:
      traceparent ?? firstValue(headers, 'traceparent') ?? traceparentOf(firstValue(headers, 'grpc-trace-bin')) ?? '',
    tracestate: firstValue(headers, 'tracestate') ?? '',
  }
}

/** The answer without its body. */
export function responseMessage(response: AppResponse): InternalInvokeResponse {
  return {
    status: {
      code: response.status,
      message: response.message,
      details: response.details.map(({ typeUrl, value }) => ({ typeUrl, value })),
    },
    headers: toWire(response.headers),
    trailers: toWire(response.trailers),
    message: { data: { typeUrl: response.typeUrl, value: empty }, contentType: response.contentType },
  }
}

const firstHttpStatus = 100

/** Undefined where the message has no status. */
export function readResponse(message: InternalInvokeResponse, body: AppResponse['body']): AppResponse | undefined {
  const { status } = message
  if (!status) return undefined
  return {
    status: status.code,
    isHttp: status.code >= firstHttpStatus,
    message: status.message,
    details: status.details,
    headers: fromWire(message.headers),
    trailers: fromWire(message.trailers),
    contentType: message.message?.contentType ?? '',
    typeUrl: message.message?.data?.typeUrl ?? '',
    body,
  }
}
