import type { Conformance } from '../../testing/conformance.ts'

export const conformance: Conformance = {
  versions: { v1: 'needs an API server: the tests of peers run the suite against one' },
}
