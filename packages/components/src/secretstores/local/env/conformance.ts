import type { Conformance } from '../../../testing/conformance.ts'

export const conformance: Conformance = {
  versions: {
    v1: async () => ({
      context: {
        environment: { APP_ONE: 'first', APP_TWO: 'second=with equals', OTHER: 'x' },
        metadata: { prefix: 'APP_' },
      },
      secrets: { ONE: { ONE: 'first' }, TWO: { TWO: 'second=with equals' } },
      missing: 'THREE',
      missingAnswer: { THREE: '' },
      close: async () => undefined,
    }),
  },
}
