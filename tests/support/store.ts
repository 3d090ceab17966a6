/** The database of a test cloud that is down. */
import { join } from 'node:path'
import { authorizationMigrations } from '@keystead/authorization'
import { containerAppsMigrations } from '@keystead/container-apps'
import { deploymentsMigrations } from '@keystead/deployments'
import { identityMigrations } from '@keystead/identity'
import { keyVaultMigrations } from '@keystead/key-vault'
import { kubernetesServiceMigrations } from '@keystead/kubernetes-service'
import { resourceManagerMigrations } from '@keystead/resource-manager'
import { storageMigrations } from '@keystead/storage'
import { loadMasterKey, openStore, type Store } from '@keystead/store'

/** With the tables of every package that has some. */
export async function openCloudStore(dataDirectory: string): Promise<Store> {
  return await openStore({
    path: join(dataDirectory, 'keystead.db'),
    masterKey: await loadMasterKey({ file: join(dataDirectory, 'master.key'), environment: {}, create: false }),
    migrations: [
      authorizationMigrations,
      identityMigrations,
      resourceManagerMigrations,
      keyVaultMigrations,
      storageMigrations,
      deploymentsMigrations,
      kubernetesServiceMigrations,
      containerAppsMigrations,
    ],
  })
}
