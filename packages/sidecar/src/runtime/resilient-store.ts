/** A store whose calls are made under a policy. */
import { EtagError } from '@keystead/components'
import { PermanentError, unwrapFailure } from '../resiliency/errors.ts'
import { type Policy, runPolicy } from '../resiliency/policy.ts'
import { type Around, decorateStore } from './decorate-store.ts'

/** `policy` is asked for with each call: it may change. Undefined: the call is made as it is. */
export function withPolicy<S extends object>(store: S, policy: () => Policy | undefined): S {
  return decorateStore(store, () => {
    const current = policy()
    return current && under(current)
  })
}

function under(policy: Policy): Around {
  return async (call, signal) => {
    try {
      return await runPolicy(
        policy,
        async (own) => {
          try {
            return await call(own)
          } catch (error) {
            // Somebody else's write is not undone by trying again.
            throw error instanceof EtagError ? new PermanentError(error) : error
          }
        },
        signal,
      )
    } catch (error) {
      throw unwrapFailure(error)
    }
  }
}
