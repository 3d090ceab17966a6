/** Points this process's own Azure clients at the cloud: proxy by environment, trust by the local CA's bundle. */
import { readFile } from 'node:fs/promises'
import { getCACertificates, setDefaultCACertificates } from 'node:tls'
import { ClientSecretCredential, type TokenCredential } from '@azure/identity'
import { readOwner } from '../core/owner.ts'
import type { DataDirectory, Settings } from '../data-directory.ts'
import { networkEnvironment } from './client-environment.ts'

export interface Connection {
  readonly credential: TokenCredential
  readonly ownerObjectId: string
}

/** From here on `@azure/*` clients made in this process talk to the cloud of `directory`, signed in as its owner. */
export async function connectAsOwner(directory: DataDirectory, settings: Settings): Promise<Connection> {
  const owner = await readOwner(directory, process.env)
  Object.assign(process.env, networkEnvironment(directory, settings, process.env))
  setDefaultCACertificates([...getCACertificates('default'), await readFile(directory.caBundle, 'utf8')])
  return {
    credential: new ClientSecretCredential(settings.tenantId, owner.clientId, owner.clientSecret),
    ownerObjectId: owner.objectId,
  }
}
