/** Gives our HTTP client the older interface under which @azure/storage-* take one. */
import { type HttpHeadersLike, toHttpHeadersLike } from '@azure/core-http-compat'
import { createHttpHeaders, createPipelineRequest, type HttpClient } from '@azure/core-rest-pipeline'
import type { StoragePipelineOptions } from '@azure/storage-blob'

type StorageHttpClient = NonNullable<StoragePipelineOptions['httpClient']>

/** The response answers to the SDK's own request object, from which it knows how to read the body. */
export function toStorageHttpClient(httpClient: HttpClient): StorageHttpClient {
  return {
    async sendRequest(request) {
      const { url, method, body, timeout, requestId, abortSignal, streamResponseStatusCodes } = request
      const response = await httpClient.sendRequest(
        createPipelineRequest({
          url,
          method,
          body,
          timeout,
          requestId,
          headers: createHttpHeaders(plainHeaders(request.headers)),
          allowInsecureConnection: true,
          ...(abortSignal && { abortSignal }),
          ...(streamResponseStatusCodes && { streamResponseStatusCodes }),
        }),
      )
      return { ...response, headers: toHttpHeadersLike(response.headers), request }
    },
  }
}

function plainHeaders(headers: HttpHeadersLike): Record<string, string> {
  return headers.toJson({ preserveCase: true })
}
