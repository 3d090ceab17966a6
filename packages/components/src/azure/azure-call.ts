/** Follows one call to Azure through an SDK, so that its outcome can be told in the words of Go's SDK. */
import { AsyncLocalStorage } from 'node:async_hooks'
import { ComponentError } from '../component-error.ts'
import { formatNetworkError, type NetworkFailure } from './network-error.ts'
import { formatResponseError, type WireResponse } from './response-error.ts'

/** What became of a call's last request. */
export type Outcome =
  | { readonly kind: 'refused'; readonly response: WireResponse }
  | { readonly kind: 'failed'; readonly failure: NetworkFailure }

export class AzureCall {
  readonly signal: AbortSignal
  outcome: Outcome | undefined
  constructor(signal: AbortSignal) {
    this.signal = signal
  }
}

const calls = new AsyncLocalStorage<AzureCall>()

/** The call that the running code belongs to. */
export function currentCall(): AzureCall | undefined {
  return calls.getStore()
}

/** A service refused, or could not be reached; `message` is what Go's azcore would have said. */
export class AzureError extends ComponentError {
  override readonly name = 'AzureError'
  readonly response: WireResponse | undefined
  constructor(message: string, response?: WireResponse) {
    super(message)
    this.response = response
  }
}

/**
 * Runs one SDK call, and leaves it when `signal` says so even where the SDK would go on.
 * @throws AzureError with the response's text, the network's, or Go's words for a context that ended
 */
export async function azureCall<T>(signal: AbortSignal, run: () => Promise<T>): Promise<T> {
  const call = new AzureCall(signal)
  try {
    return await calls.run(call, () => untilAborted(signal, run))
  } catch (error) {
    throw worded(error, call)
  }
}

/** Runs `run` as a call of its own, and answers with the error and what the wire said when it fails. */
export async function observedCall<T>(
  signal: AbortSignal,
  run: () => Promise<T>,
): Promise<{ readonly value: T } | { readonly error: unknown; readonly outcome: Outcome | undefined }> {
  const call = new AzureCall(signal)
  try {
    return { value: await calls.run(call, () => untilAborted(signal, run)) }
  } catch (error) {
    return { error, outcome: call.outcome }
  }
}

async function untilAborted<T>(signal: AbortSignal, run: () => Promise<T>): Promise<T> {
  signal.throwIfAborted()
  const { promise: aborted, reject } = Promise.withResolvers<never>()
  const onAbort = (): void => reject(signal.reason)
  signal.addEventListener('abort', onAbort, { once: true })
  try {
    return await Promise.race([run(), aborted])
  } finally {
    signal.removeEventListener('abort', onAbort)
  }
}

function worded(error: unknown, { signal, outcome }: AzureCall): ComponentError {
  if (signal.aborted) return new AzureError(contextText(signal))
  if (error instanceof ComponentError) return error
  if (!(error instanceof Error)) return new AzureError('the call to Azure failed')
  if (error.name !== 'RestError' && !(error instanceof SyntaxError)) return new AzureError(error.message)
  if (outcome?.kind === 'refused') return new AzureError(formatResponseError(outcome.response), outcome.response)
  if (outcome?.kind === 'failed') return new AzureError(formatNetworkError(outcome.failure))
  // The SDK's own message would quote the body, which may be a secret's.
  return new AzureError('the response could not be read')
}

/** Go's `context.Context.Err()`. */
export function contextText(signal: AbortSignal): string {
  const reason: unknown = signal.reason
  return reason instanceof Error && reason.name === 'TimeoutError' ? 'context deadline exceeded' : 'context canceled'
}
