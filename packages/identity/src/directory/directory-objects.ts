/** The tenant's objects together: found by object id whatever they are, deleted with all that refers to them. */
import type { ApplicationCredentials } from '../application-credentials.ts'
import type { DirectoryPrincipal } from '../directory.ts'
import type { ManagedIdentities } from '../managed-identities.ts'
import type { Principals } from '../principals.ts'
import type { ApplicationRow, GroupRow, ServicePrincipalRow, UserRow } from '../tables.ts'
import type { DirectoryRoleAssignments } from './directory-roles.ts'
import type { Groups } from './groups.ts'
import type { Owners } from './owners.ts'
import type { Users } from './users.ts'

export type DirectoryObject =
  | { readonly kind: 'user'; readonly row: UserRow }
  | { readonly kind: 'group'; readonly row: GroupRow }
  | { readonly kind: 'servicePrincipal'; readonly row: ServicePrincipalRow }
  | { readonly kind: 'application'; readonly row: ApplicationRow }

export interface DirectoryParts {
  readonly users: Users
  readonly groups: Groups
  readonly principals: Principals
  readonly credentials: ApplicationCredentials
  readonly managedIdentities: ManagedIdentities
  readonly owners: Owners
  readonly roles: DirectoryRoleAssignments
}

export class DirectoryObjects {
  readonly parts: DirectoryParts

  constructor(parts: DirectoryParts) {
    this.parts = parts
  }

  async find(objectId: string): Promise<DirectoryObject | undefined> {
    const { users, groups, principals } = this.parts
    const id = objectId.toLowerCase()
    const group = groups.get(id)
    if (group) return { kind: 'group', row: group }
    const servicePrincipal = await principals.servicePrincipalRow({ objectId: id })
    if (servicePrincipal) return { kind: 'servicePrincipal', row: servicePrincipal }
    const user = id.includes('@') ? undefined : await users.find(id)
    if (user) return { kind: 'user', row: user }
    const application = await principals.application({ objectId: id })
    return application && { kind: 'application', row: application }
  }

  async principal(objectId: string): Promise<DirectoryPrincipal | undefined> {
    const found = await this.find(objectId)
    if (!found || found.kind === 'application') return undefined
    const type = ({ user: 'User', group: 'Group', servicePrincipal: 'ServicePrincipal' } as const)[found.kind]
    return { objectId: found.row.object_id, type, displayName: found.row.display_name }
  }

  async deleteUser(objectId: string): Promise<void> {
    await this.parts.users.delete(objectId)
    await this.#forget(objectId)
  }

  async deleteGroup(objectId: string): Promise<void> {
    await this.parts.groups.delete(objectId)
    await this.#forget(objectId)
  }

  async deleteApplication(application: ApplicationRow): Promise<void> {
    const principal = await this.parts.principals.servicePrincipalRow({ appId: application.app_id })
    await this.parts.principals.deleteApplication(application.app_id)
    if (principal) await this.#forget(principal.object_id)
    await this.#forget(application.object_id)
  }

  /** Of an application. False for no such principal, or a managed identity's. */
  async deleteServicePrincipal(objectId: string): Promise<boolean> {
    const deleted = await this.parts.principals.deleteServicePrincipal(objectId)
    if (deleted) await this.#forget(objectId.toLowerCase())
    return deleted
  }

  async deleteManagedIdentity(resourceId: string): Promise<boolean> {
    const identity = this.parts.managedIdentities.get(resourceId)
    const deleted = await this.parts.managedIdentities.delete(resourceId)
    if (deleted && identity) await this.#forget(identity.principalId)
    return deleted
  }

  async #forget(objectId: string): Promise<void> {
    await this.parts.groups.forget(objectId)
    await this.parts.owners.forget(objectId)
    await this.parts.roles.forget(objectId)
  }
}
