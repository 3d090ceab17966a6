import type { Conformance } from '../../../testing/conformance.ts'
import { startVaultServer, vaultBinary } from '../../../testing/vault-server.ts'

const binary = vaultBinary()

export const conformance: Conformance = {
  versions: {
    v1:
      binary === undefined
        ? 'needs a Vault or OpenBao server: VAULT_BIN names no program'
        : async () => {
            const server = await startVaultServer(binary)
            await server.api('POST', 'secret/data/dapr/db', { data: { user: 'orders', password: 'hunter2' } })
            await server.api('POST', 'secret/data/dapr/team/api', { data: { key: 'abcdef' } })
            return {
              context: { metadata: { vaultAddr: server.url, vaultToken: server.rootToken } },
              secrets: { db: { user: 'orders', password: 'hunter2' }, 'team/api': { key: 'abcdef' } },
              missing: 'absent',
              missingAnswer: /^getSecret absent failed secret key or version not exist$/,
              close: server.close,
            }
          },
  },
}
