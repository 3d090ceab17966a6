import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Conformance } from '../../testing/conformance.ts'

export const conformance: Conformance = {
  versions: {
    v1: async () => {
      const folder = await mkdtemp(join(tmpdir(), 'sqlite-'))
      return {
        context: { metadata: { connectionString: join(folder, 'state.db') } },
        close: () => rm(folder, { recursive: true }),
      }
    },
  },
}
