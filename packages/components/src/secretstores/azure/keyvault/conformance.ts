import type { Conformance } from '../../../testing/conformance.ts'

export const conformance: Conformance = {
  versions: { v1: 'needs a vault: the system tests run the suite against one' },
}
