/** A method of a service: from the bytes of its request to the frame of its answer. */
import { decodeMessage, encodeFrame, type MessageType } from './messages.ts'

/** What a method may know of its call. */
export interface MethodContext {
  readonly signal: AbortSignal
  metadata(name: string): string | undefined
}

/** Reads the request, then answers it. Both may throw an ApiError or a StatusError. */
export type Method = (request: Uint8Array) => (context: MethodContext) => Uint8Array | Promise<Uint8Array>

/** A method over its generated message types. */
export function method<I, O>(
  requestType: MessageType<I>,
  responseType: MessageType<O>,
  answer: (request: I, context: MethodContext) => O | Promise<O>,
): Method {
  return (bytes) => {
    const request = decodeMessage(requestType, bytes)
    return (context) => {
      const response = answer(request, context)
      if (response instanceof Promise) return response.then((message) => encodeFrame(responseType, message))
      return encodeFrame(responseType, response)
    }
  }
}
