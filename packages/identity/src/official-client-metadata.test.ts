import { ManagedIdentityCredential } from '@azure/identity'
import { afterEach, expect, it, vi } from 'vitest'
import { listen, openFixture } from './testing/identity-fixture.ts'

afterEach(() => {
  vi.unstubAllEnvs()
})

// By itself, because msal keeps the source of managed identities that it first found for the life of the process.
it('ManagedIdentityCredential of @azure/identity gets tokens of the metadata service through the replica’s proxy', async () => {
  await using fixture = await openFixture()
  await using proxy = await listen(fixture.identity.instanceMetadata)
  const { directory, verifier } = fixture.identity
  const user = await directory.createManagedIdentity({ resourceId: '/identities/orders', kind: 'UserAssigned' })
  const { header } = await directory.registerReplica({ replicaId: 'vm-1', identityResourceIds: [user.resourceId] })
  for (const name of ['IDENTITY_ENDPOINT', 'IDENTITY_HEADER', 'MSI_ENDPOINT', 'NO_PROXY', 'no_proxy']) {
    vi.stubEnv(name, undefined)
  }
  for (const name of ['HTTP_PROXY', 'http_proxy']) vi.stubEnv(name, `http://vm-1:${header}@127.0.0.1:${proxy.port}`)

  for (const credential of [
    new ManagedIdentityCredential(),
    new ManagedIdentityCredential({ resourceId: user.resourceId }),
    new ManagedIdentityCredential({ objectId: user.principalId }),
  ]) {
    const { token } = await credential.getToken('https://vault.azure.net/.default')
    expect(await verifier.verify(`Bearer ${token}`, ['https://vault.azure.net'])).toMatchObject({
      kind: 'managedIdentity',
      objectId: user.principalId,
    })
  }
})
