import type { Conformance } from '../../../testing/conformance.ts'
import { temporaryFile } from '../../../testing/temporary-file.ts'

export const conformance: Conformance = {
  versions: {
    v1: async () => {
      const file = await temporaryFile('secrets.json', '{"plain":"one","nested":{"key":"two","list":["three"]}}')
      return {
        context: { metadata: { secretsFile: file.path } },
        secrets: {
          plain: { plain: 'one' },
          'nested:key': { 'nested:key': 'two' },
          'nested:list:0': { 'nested:list:0': 'three' },
        },
        missing: 'nested',
        missingAnswer: /^secret nested not found$/,
        close: file.remove,
      }
    },
  },
}
