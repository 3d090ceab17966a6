import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { root, run, succeed } from '../support/cloud.ts'
import { builtPeer } from '../support/peer-build.ts'
import { describeSecretPeer, ownObjectId } from '../support/secret-peer.ts'

const sources = join(root, 'tests/peers/go')

describeSecretPeer(
  {
    command: async () => {
      const built = await builtPeer({
        name: 'go',
        sources,
        tools: [['go', 'version']],
        needs: 'Go 1.25 or newer (https://go.dev/dl)',
        build: async (output) => {
          await succeed(run('go', ['build', '-trimpath', '-o', join(output, 'peer'), '.'], { cwd: sources }))
        },
      })
      return [join(built, 'peer')]
    },
    withoutTrust: ({ SSL_CERT_FILE: _, ...environment }) => environment,
    untrusted: /certificate signed by unknown authority/,
  },
  (peer) =>
    describe('azblob', () => {
      const url = 'https://stpeers.blob.core.windows.net'
      const path = 'orders/one.txt'

      test('puts and gets one blob with a data role, and is refused without it', async () => {
        const { owner, exec } = peer()
        const { id } = await owner.account('stpeers')
        await owner.storage.blobContainers.create('rg', 'stpeers', 'orders', {})
        const self = await ownObjectId(owner)
        expect(await exec(['client-secret', 'blob', 'put', url, path], 'order 1')).toMatchObject({
          status: 403,
          code: 'AuthorizationPermissionMismatch',
        })
        const revoke = await owner.grant(id, 'Storage Blob Data Contributor', self)
        expect(await exec(['client-secret', 'blob', 'put', url, path], 'order 1')).toEqual({ value: 'order 1' })
        expect(await exec(['default', 'blob', 'get', url, path])).toEqual({ value: 'order 1' })
        await revoke()
        expect(await exec(['client-secret', 'blob', 'get', url, path])).toMatchObject({
          status: 403,
          code: 'AuthorizationPermissionMismatch',
        })
      })

      test('reads with a reader’s role as a managed identity, and may not write with it', async () => {
        const { owner, app } = peer()
        const identity = await owner.identity('id-blobs')
        const credential = `managed-identity:${identity.clientId}`
        const account = `${owner.group}/providers/Microsoft.Storage/storageAccounts/stpeers`
        await owner.grant(account, 'Storage Blob Data Reader', identity.principalId)
        expect(await app([identity], [credential, 'blob', 'get', url, path])).toEqual({ value: 'order 1' })
        expect(await app([identity], [credential, 'blob', 'put', url, path], 'order 2')).toMatchObject({
          status: 403,
          code: 'AuthorizationPermissionMismatch',
        })
      })
    }),
)
