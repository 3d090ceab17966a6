import type { Conformance } from '../../../testing/conformance.ts'

export const conformance: Conformance = {
  versions: { v1: 'needs a vault: tests/key-vault-store runs the suite against one' },
}
