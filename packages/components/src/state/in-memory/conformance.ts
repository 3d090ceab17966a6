import type { Conformance } from '../../testing/conformance.ts'

export const conformance: Conformance = {
  versions: { v1: async () => ({ context: {}, close: async () => undefined }) },
}
