/** The InvokeService method of the Dapr API over gRPC (pkg/api/grpc/grpc.go). */
import { BinaryWriter } from '@bufbuild/protobuf/wire'
import { encodeOwnFrame, failureText, readMessages } from '../grpc/client.ts'
import { statusOf, statusOfHttpResponse } from '../grpc/error-status.ts'
import { InvokeResponse } from '../grpc/gen/dapr/proto/common/v1/common.ts'
import { InvokeServiceRequest } from '../grpc/gen/dapr/proto/runtime/v1/invoke.ts'
import { Status as RpcStatus } from '../grpc/gen/google/rpc/status.ts'
import { decodeMessage } from '../grpc/messages.ts'
import { type CodeName, codes, ok, type Status, StatusError } from '../grpc/status.ts'
import type { StreamHandler } from '../grpc/streaming-call.ts'
import { CircuitOpenError, PolicyTimeoutError, unwrapFailure } from '../resiliency/errors.ts'
import { runPolicy } from '../resiliency/policy.ts'
import type { Resiliency } from '../resiliency/resiliency.ts'
import { directInvoke } from '../runtime/api-error.ts'
import { type AppRequest, type AppResponse, wholeBody } from './app-channel.ts'
import type { DirectMessaging } from './direct-messaging.ts'
import { fromMetadata, verbName } from './grpc-app-channel.ts'
import { toGrpcMetadata } from './headers.ts'
import { traceparentOf } from './trace-metadata.ts'

export interface GrpcInvokeOptions {
  readonly messaging: DirectMessaging
  readonly resiliency: () => Resiliency
  readonly maxBytes: number
}

const codeNames = Object.keys(codes) as CodeName[]

export function invokeService({ messaging, resiliency, maxBytes }: GrpcInvokeOptions): StreamHandler {
  return async (call) => {
    const { value, done } = await readMessages(call.frames, call.maxMessageBytes).next()
    if (done) throw new StatusError('Unknown', 'EOF')
    const { id, message } = decodeMessage(InvokeServiceRequest, value)
    const target = message?.method ?? ''
    const headers = fromMetadata(call.headers)
    headers.delete('te')
    const request: AppRequest = {
      method: target,
      verb: verbName(message?.httpExtension?.verb ?? 0),
      query: message?.httpExtension?.querystring ?? '',
      headers,
      contentType: message?.contentType ?? '',
      typeUrl: message?.data?.typeUrl ?? '',
      body: message?.data?.value ?? new Uint8Array(0),
      traceparent: call.metadata('traceparent') ?? traceparentOf(call.metadata('grpc-trace-bin')) ?? '',
      tracestate: call.metadata('tracestate') ?? '',
    }
    let last: { readonly response: AppResponse; readonly body: Uint8Array } | undefined
    let status: Status = ok
    try {
      await runPolicy(
        resiliency().app(id, `${id}:${target}`),
        async (signal) => {
          last = undefined
          let response: AppResponse
          try {
            response = await messaging.invoke(id, { ...request }, false, signal)
          } catch (error) {
            throw directInvoke(id, failureText(error))
          }
          last = { response, body: await wholeBody(response.body, maxBytes) }
          const outcome = statusOfAnswer(last.response, last.body)
          if (outcome.code !== 'OK') throw new StatusError(outcome.code, outcome.message, outcome.details)
        },
        call.signal,
      )
    } catch (error) {
      status = failureStatus(unwrapFailure(error))
    }
    if (!last) {
      call.finish(status)
      return
    }
    const { response, body } = last
    call.respond({
      ...toGrpcMetadata(response.headers),
      ...(response.isHttp ? { 'dapr-http-status': String(response.status) } : {}),
    })
    if (status.code === 'OK') {
      call.frames.write(
        encodeOwnFrame(InvokeResponse, {
          data: { typeUrl: response.typeUrl, value: body },
          contentType: response.contentType,
        }),
      )
    }
    call.finish(status, response.isHttp ? {} : toGrpcMetadata(response.trailers))
  }
}

function statusOfAnswer(response: AppResponse, body: Uint8Array): Status {
  if (response.isHttp) return statusOfHttpResponse(response.status, Buffer.from(body).toString('utf8'))
  const code = codeNames[response.status] ?? 'Unknown'
  if (code === 'OK') return ok
  const details =
    response.details.length > 0
      ? RpcStatus.encode(
          {
            code: response.status,
            message: response.message,
            details: response.details.map(({ typeUrl, value }) => ({ typeUrl, value })),
          },
          new BinaryWriter(),
        ).finish()
      : undefined
  return { code, message: response.message, ...(details ? { details } : {}) }
}

function failureStatus(error: unknown): Status {
  if (error instanceof StatusError) return error.status
  if (error instanceof PolicyTimeoutError) return { code: 'DeadlineExceeded', message: error.message }
  if (error instanceof CircuitOpenError) return { code: 'Unknown', message: error.message }
  if (error instanceof Error && error.name === 'ApiError') return statusOf(error as Parameters<typeof statusOf>[0])
  return { code: 'Unknown', message: failureText(error) }
}
