/** Checks a state request's options as every Dapr state store does (components-contrib state/request_options.go). */
import { ComponentError } from '../component-error.ts'
import type { StateStoreOptions } from '../state-store.ts'

/** @throws ComponentError when a word is not one of Dapr's; the wire lets any text through to here */
export function checkRequestOptions(options: StateStoreOptions): void {
  const consistency: string = options.consistency ?? ''
  if (!['', 'strong', 'eventual'].includes(consistency)) {
    throw new ComponentError(`unrecognized consistency model '${consistency}'`)
  }
  const concurrency: string = options.concurrency ?? ''
  if (!['', 'first-write', 'last-write'].includes(concurrency)) {
    throw new ComponentError(`unrecognized concurrency model '${concurrency}'`)
  }
}
