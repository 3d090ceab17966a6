/** The database of a test cloud that is down. */
import { join } from 'node:path'
import { cloudMigrations } from '@keystead/cli'
import { loadMasterKey, openStore, type Store } from '@keystead/store'

/** With the tables of every package that has some. */
export async function openCloudStore(dataDirectory: string): Promise<Store> {
  return await openStore({
    path: join(dataDirectory, 'keystead.db'),
    masterKey: await loadMasterKey({ file: join(dataDirectory, 'master.key'), environment: {}, create: false }),
    migrations: cloudMigrations,
  })
}
