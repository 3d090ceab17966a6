/** The {@link Directory} over the database. */
import type { ApplicationCredentials } from './application-credentials.ts'
import type { DirectoryObjects } from './directory/directory-objects.ts'
import { globalAdministrator } from './directory/directory-roles.ts'
import { findPrincipals } from './directory/find-principals.ts'
import type { Directory } from './directory.ts'
import { DirectoryError } from './directory-error.ts'
import type { ManagedIdentities } from './managed-identities.ts'
import type { Principals } from './principals.ts'
import type { Replicas } from './replicas.ts'

export interface TenantDirectoryParts {
  readonly tenantId: string
  readonly identityEndpoint: string
  readonly principals: Principals
  readonly credentials: ApplicationCredentials
  readonly managedIdentities: ManagedIdentities
  readonly replicas: Replicas
  readonly objects: DirectoryObjects
}

export function createDirectory(parts: TenantDirectoryParts): Directory {
  const { principals, credentials, managedIdentities, replicas, objects } = parts

  async function requireApplication(appId: string): Promise<string> {
    if (!(await principals.applicationExists(appId))) {
      throw new DirectoryError('notFound', `There is no application ${appId}.`)
    }
    return appId.toLowerCase()
  }

  return {
    tenantId: parts.tenantId,
    createApplication: ({ displayName }) => principals.createApplication(displayName),
    async addPassword(appId, options) {
      return credentials.addPassword(await requireApplication(appId), options)
    },
    removePassword: (appId, keyId) => credentials.removePassword(appId.toLowerCase(), keyId),
    async addCertificate(appId, { certificatePem }) {
      return credentials.addCertificate(await requireApplication(appId), certificatePem)
    },
    removeCertificate: (appId, keyId) => credentials.removeCertificate(appId.toLowerCase(), keyId),
    async addFederatedCredential(appId, credential) {
      // Entra takes federated credentials on user-assigned identities as well: that is workload identity.
      const identity = managedIdentities.byClientId(appId)
      if (identity?.kind === 'SystemAssigned') {
        throw new DirectoryError('invalid', 'A system-assigned identity cannot have federated credentials.')
      }
      await credentials.addFederated(identity?.clientId ?? (await requireApplication(appId)), credential)
    },
    removeFederatedCredential: (appId, name) => credentials.removeFederated(appId.toLowerCase(), name),
    servicePrincipal: (by) => principals.servicePrincipal(by),
    principal: (objectId) => objects.principal(objectId),
    findPrincipals: (reference) => findPrincipals(objects, reference),
    async applicationWithoutPrincipal(reference) {
      const name = reference.toLowerCase()
      const application = (await principals.applicationRows()).find((row) =>
        [row.app_id, row.object_id, row.display_name.toLowerCase()].includes(name),
      )
      if (application === undefined) return undefined
      const principal = await principals.servicePrincipalRow({ appId: application.app_id })
      return principal === undefined ? application.app_id : undefined
    },
    async ensureGlobalAdministrator(objectId) {
      const { roles } = objects.parts
      if (!roles.isAssigned(globalAdministrator)) await roles.assign(objectId.toLowerCase(), globalAdministrator)
    },
    deleteServicePrincipal: (objectId) => objects.deleteServicePrincipal(objectId),

    createManagedIdentity: ({ resourceId, kind }) => managedIdentities.create(resourceId, kind),
    managedIdentity: async (resourceId) => managedIdentities.get(resourceId),
    deleteManagedIdentity: (resourceId) => objects.deleteManagedIdentity(resourceId),

    async registerReplica({ replicaId, identityResourceIds }) {
      const header = await replicas.register(replicaId, identityResourceIds)
      return { replicaId, endpoint: parts.identityEndpoint, header }
    },
    removeReplica: (replicaId) => replicas.remove(replicaId),
    replicaIdentities: (replicaId) => replicas.byId(replicaId)?.identityResourceIds,
  }
}
