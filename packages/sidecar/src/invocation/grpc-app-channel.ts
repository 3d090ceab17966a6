/** The app over gRPC: its AppCallback service (pkg/channel/grpc). */
import type { IncomingHttpHeaders } from 'node:http2'
import { callUnary, type GrpcChannel } from '../grpc/client.ts'
import { HTTPExtension_Verb, InvokeRequest, InvokeResponse } from '../grpc/gen/dapr/proto/common/v1/common.ts'
import { Empty } from '../grpc/gen/google/protobuf/empty.ts'
import { Status as RpcStatus } from '../grpc/gen/google/rpc/status.ts'
import { decodeMessage } from '../grpc/messages.ts'
import { codes, type Status } from '../grpc/status.ts'
import { type AppChannel, type AppRequest, type TypedDetail, wholeBody } from './app-channel.ts'
import { createConcurrencyLimit } from './concurrency.ts'
import { type HeaderMap, toGrpcMetadata } from './headers.ts'
import { binaryTrace } from './trace-metadata.ts'

export interface GrpcAppChannelOptions {
  readonly channel: GrpcChannel
  readonly appApiToken: string
  readonly maxConcurrency: number
  readonly maxBytes: number
}

const none = new Uint8Array(0)

export function createGrpcAppChannel(options: GrpcAppChannelOptions): AppChannel {
  const { channel, appApiToken, maxBytes } = options
  const limit = createConcurrencyLimit(options.maxConcurrency)
  return {
    async invoke(request, signal) {
      const leave = await limit?.enter(signal)
      try {
        const body = await wholeBody(request.body, maxBytes)
        const outcome = await callUnary(
          channel,
          '/dapr.proto.runtime.v1.AppCallback/OnInvoke',
          { request: invokeMessage(request, body), requestType: InvokeRequest, responseType: InvokeResponse },
          {
            ...toGrpcMetadata(request.headers),
            ...binaryTrace(request.traceparent),
            ...(appApiToken === '' ? {} : { 'dapr-api-token': appApiToken }),
          },
          { signal, maxBytes },
        )
        const { status, message } = outcome
        return {
          status: codes[status.code],
          isHttp: false,
          message: status.message,
          details: detailsOf(status),
          headers: fromMetadata(outcome.headers),
          trailers: fromMetadata(outcome.trailers),
          contentType: message?.contentType ?? '',
          typeUrl: message?.data?.typeUrl ?? '',
          body: message?.data?.value ?? none,
        }
      } finally {
        leave?.()
      }
    },

    async probe(signal) {
      const { status } = await callUnary(
        channel,
        '/dapr.proto.runtime.v1.AppCallbackHealthCheck/HealthCheck',
        { request: {}, requestType: Empty, responseType: Empty },
        {},
        { signal, maxBytes },
      )
      return status.code === 'OK'
    },

    close: () => channel.close(),
  }
}

/** The message as the app's OnInvoke takes it. */
export function invokeMessage(request: AppRequest, body: Uint8Array): InvokeRequest {
  return {
    method: request.method,
    data: { typeUrl: request.typeUrl, value: body },
    contentType: request.contentType,
    httpExtension: { verb: verbNumber(request.verb), querystring: request.query },
  }
}

const verbs: Readonly<Record<string, HTTPExtension_Verb>> = HTTPExtension_Verb

export function verbNumber(verb: string): HTTPExtension_Verb {
  return verbs[verb] ?? HTTPExtension_Verb.NONE
}

export function verbName(number: number): string {
  return Object.keys(verbs).find((name) => verbs[name] === number) ?? 'NONE'
}

/** Metadata that is the app's own. */
export function fromMetadata(headers: IncomingHttpHeaders): HeaderMap {
  const own: HeaderMap = new Map()
  for (const [name, value] of Object.entries(headers)) {
    if (value === undefined || name.startsWith(':') || name.startsWith('grpc-status') || name === 'grpc-message')
      continue
    own.set(name, Array.isArray(value) ? value : [String(value)])
  }
  return own
}

/** The details of a status. */
export function detailsOf({ details }: Status): TypedDetail[] {
  if (!details) return []
  return decodeMessage(RpcStatus, details).details
}
