/** Microsoft.KeyVault as a resource provider: what Resource Manager answers about vaults. */
import {
  ArmError,
  normalizeLocation,
  type Operation,
  type OperationContext,
  type OperationResult,
  pageOfResources,
  type Resource,
  type ResourceProvider,
  regionDisplayNames,
  resourceNotFound,
} from '@keystead/resource-manager'
import { type DeletedVault, type VaultDirectory, vaultAlreadyExists, vaultType } from './vault-directory.ts'
import {
  type AccessPoliciesBody,
  type AccessPolicyUpdateKind,
  accessPoliciesBody,
  type CheckHsmNameBody,
  type CheckNameBody,
  checkHsmNameBody,
  checkNameBody,
  createdProperties,
  patchedProperties,
  readVaultProperties,
  replacedProperties,
  updatedPolicies,
  type VaultBody,
  type VaultPatchBody,
  vaultBody,
  vaultPatchBody,
} from './vault-properties.ts'
import { type VaultSecretsOptions, vaultSecretsType } from './vault-secrets.ts'

/** Those of Microsoft.KeyVault that clients are known to send. */
const apiVersions = [
  '2026-05-15',
  '2026-02-01',
  '2025-05-01',
  '2024-12-01-preview',
  '2024-11-01',
  '2024-04-01-preview',
  '2023-07-01',
  '2023-02-01',
  '2022-11-01',
  '2022-07-01',
  '2022-02-01-preview',
  '2021-11-01-preview',
  '2021-10-01',
  '2021-06-01-preview',
  '2021-04-01-preview',
  '2020-04-01-preview',
  '2019-09-01',
  '2018-02-14',
  '2018-02-14-preview',
  '2016-10-01',
  '2015-06-01',
]

export function keyVaultProvider(options: VaultSecretsOptions): ResourceProvider {
  const { directory } = options
  const vaults = new VaultHandlers(directory)
  const deleted = new DeletedVaultHandlers(directory)
  return {
    namespace: 'Microsoft.KeyVault',
    types: [
      {
        type: 'vaults',
        apiVersions,
        locations: regionDisplayNames,
        onDelete: async (id) => {
          await directory.delete(id)
        },
        operations: [
          {
            name: 'Vaults_CreateOrUpdate',
            method: 'PUT',
            on: 'resource',
            action: 'Microsoft.KeyVault/vaults/write',
            body: vaultBody,
            handle: (context) => vaults.put(context),
          } satisfies Operation<VaultBody>,
          {
            name: 'Vaults_Update',
            method: 'PATCH',
            on: 'resource',
            action: 'Microsoft.KeyVault/vaults/write',
            body: vaultPatchBody,
            handle: (context) => vaults.patch(context),
          } satisfies Operation<VaultPatchBody>,
          {
            name: 'Vaults_Get',
            method: 'GET',
            on: 'resource',
            action: 'Microsoft.KeyVault/vaults/read',
            handle: (context) => vaults.get(context),
          } satisfies Operation,
          {
            name: 'Vaults_Delete',
            method: 'DELETE',
            on: 'resource',
            action: 'Microsoft.KeyVault/vaults/delete',
            handle: (context) => vaults.delete(context),
          } satisfies Operation,
          {
            name: 'Vaults_ListByResourceGroup',
            method: 'GET',
            on: 'collection',
            action: 'Microsoft.KeyVault/vaults/read',
            handle: (context) => vaults.list(context),
          } satisfies Operation,
          {
            name: 'Vaults_ListBySubscription',
            method: 'GET',
            on: 'subscription',
            action: 'Microsoft.KeyVault/vaults/read',
            handle: (context) => vaults.list(context),
          } satisfies Operation,
          {
            name: 'Vaults_CheckNameAvailability',
            method: 'POST',
            on: 'subscription',
            verb: 'checkNameAvailability',
            action: 'Microsoft.KeyVault/checkNameAvailability/read',
            body: checkNameBody,
            handle: (context) => vaults.checkName(context),
          } satisfies Operation<CheckNameBody>,
          {
            name: 'ManagedHsms_CheckMhsmNameAvailability',
            method: 'POST',
            on: 'subscription',
            verb: 'checkMhsmNameAvailability',
            action: 'Microsoft.KeyVault/checkMhsmNameAvailability/read',
            body: checkHsmNameBody,
            handle: async ({ body }) => ({ status: 200, body: hsmNameAvailability(body.name) }),
          } satisfies Operation<CheckHsmNameBody>,
        ],
      },
      {
        type: 'vaults/accessPolicies',
        apiVersions,
        operations: [
          {
            name: 'Vaults_UpdateAccessPolicy',
            method: 'PUT',
            on: 'resource',
            action: 'Microsoft.KeyVault/vaults/accessPolicies/write',
            body: accessPoliciesBody,
            handle: (context) => vaults.updateAccessPolicies(context),
          } satisfies Operation<AccessPoliciesBody>,
        ],
      },
      vaultSecretsType(options, apiVersions),
      {
        type: 'deletedVaults',
        apiVersions,
        operations: [
          {
            name: 'Vaults_ListDeleted',
            method: 'GET',
            on: 'subscription',
            access: 'scope',
            action: 'Microsoft.KeyVault/deletedVaults/read',
            handle: (context) => deleted.list(context),
          } satisfies Operation,
        ],
      },
      // Managed HSMs can not be created here, so there are none: az asks for both lists whenever it lists vaults.
      ...['managedHSMs', 'deletedManagedHSMs'].map((type) => ({
        type,
        apiVersions,
        operations: [
          {
            name: 'ManagedHsms_List',
            method: 'GET',
            on: 'subscription',
            access: 'scope',
            action: `Microsoft.KeyVault/${type}/read`,
            handle: async () => ({ status: 200, body: { value: [] } }),
          } satisfies Operation,
        ],
      })),
      {
        type: 'locations/deletedVaults',
        apiVersions,
        locations: regionDisplayNames,
        operations: [
          {
            name: 'Vaults_GetDeleted',
            method: 'GET',
            on: 'resource',
            action: 'Microsoft.KeyVault/locations/deletedVaults/read',
            handle: (context) => deleted.get(context),
          } satisfies Operation,
          {
            name: 'Vaults_PurgeDeleted',
            method: 'POST',
            on: 'resource',
            verb: 'purge',
            action: 'Microsoft.KeyVault/locations/deletedVaults/purge/action',
            handle: (context) => deleted.purge(context),
          } satisfies Operation,
        ],
      },
    ],
  }
}

function vaultNameNotValid(name: string): ArmError {
  return new ArmError(400, 'VaultNameNotValid', invalidNameMessage(name))
}

function invalidNameMessage(name: string): string {
  return `The vault name '${name.slice(0, 256)}' is invalid. A vault's name must be between 3-24 alphanumeric characters. The name must begin with a letter, end with a letter or digit, and not contain consecutive hyphens. Follow this link for more information: https://go.microsoft.com/fwlink/?linkid=2147742`
}

function validName(name: string): boolean {
  return /^[a-z](?!.*--)[a-z0-9-]{1,22}[a-z0-9]$/i.test(name)
}

/** There are no managed HSMs (see their lists), so every name that one could have is free. az asks only this. */
function hsmNameAvailability(name: string) {
  if (validName(name)) return { nameAvailable: true }
  const message = `The managed HSM name '${name.slice(0, 256)}' is invalid. A name must have 3-24 letters, digits and hyphens, begin with a letter, end with a letter or digit, and have no consecutive hyphens.`
  return { nameAvailable: false, reason: 'AccountNameInvalid', message }
}

function vaultResponse(resource: Resource) {
  return {
    id: resource.id,
    name: resource.name,
    type: resource.type,
    location: resource.location,
    tags: resource.tags ?? {},
    properties: resource.properties,
  }
}

class VaultHandlers {
  readonly #directory: VaultDirectory

  constructor(directory: VaultDirectory) {
    this.#directory = directory
  }

  async put({ id, path, body }: OperationContext<VaultBody>): Promise<OperationResult> {
    const name = id.names[0] ?? ''
    if (!validName(name)) throw vaultNameNotValid(name)
    const existing = this.#directory.live(name)
    if (existing !== undefined) {
      if (existing.resourceId.toLowerCase() !== path.toLowerCase()) throw vaultAlreadyExists(name)
      return { status: 200, body: vaultResponse(await this.#replace(path, body)) }
    }
    if (body.properties.createMode?.toLowerCase() === 'recover') {
      return { status: 200, body: vaultResponse(await this.#directory.recover(name, path, body.tags)) }
    }
    const created = await this.#directory.create({
      id: path,
      name,
      location: normalizeLocation(body.location),
      ...(body.tags === undefined ? {} : { tags: body.tags }),
      properties: createdProperties(name, body.properties),
    })
    return { status: 200, body: vaultResponse(created) }
  }

  async #replace(path: string, body: VaultBody): Promise<Resource> {
    return await this.#directory.update(path, (vault) => {
      return {
        id: vault.resourceId,
        name: vault.name,
        location: vault.location,
        ...(body.tags === undefined ? {} : { tags: body.tags }),
        properties: replacedProperties(vault.name, vault.properties, body.properties),
      }
    })
  }

  async patch({ path, body }: OperationContext<VaultPatchBody>): Promise<OperationResult> {
    const patched = await this.#directory.update(path, (vault, before) => {
      const tags = body.tags ?? before.tags
      return {
        id: vault.resourceId,
        name: vault.name,
        location: vault.location,
        ...(tags === undefined ? {} : { tags }),
        properties: patchedProperties(vault.properties, body.properties),
      }
    })
    return { status: 200, body: vaultResponse(patched) }
  }

  async get({ id, path, resources }: OperationContext): Promise<OperationResult> {
    const resource = await resources.get(path)
    if (resource === undefined) throw resourceNotFound(id)
    return { status: 200, body: vaultResponse(resource) }
  }

  async delete({ path }: OperationContext): Promise<OperationResult> {
    return { status: (await this.#directory.delete(path)) ? 200 : 204 }
  }

  async list(context: OperationContext): Promise<OperationResult> {
    const list = `${context.path}/providers/${vaultType}`
    const page = await pageOfResources(context, list, { below: context.path, type: vaultType }, vaultResponse)
    return { status: 200, body: page }
  }

  async updateAccessPolicies({ id, path, body }: OperationContext<AccessPoliciesBody>): Promise<OperationResult> {
    const kind = (id.names[1] ?? '').toLowerCase()
    if (!isUpdateKind(kind)) {
      throw new ArmError(
        400,
        'BadRequest',
        `The operation kind '${kind.slice(0, 64)}' is not one of add, replace, remove.`,
      )
    }
    const vaultPath = path.slice(0, path.toLowerCase().lastIndexOf('/accesspolicies/'))
    const resource = await this.#directory.update(vaultPath, (vault, before) => ({
      id: vault.resourceId,
      name: vault.name,
      location: vault.location,
      ...(before.tags === undefined ? {} : { tags: before.tags }),
      properties: updatedPolicies(vault.properties, kind, body.properties.accessPolicies),
    }))
    return {
      status: 200,
      body: {
        id: `${resource.id}/accessPolicies/`,
        type: `${vaultType}/accessPolicies`,
        properties: { accessPolicies: readVaultProperties(resource.properties).accessPolicies },
      },
    }
  }

  async checkName({ body }: OperationContext<CheckNameBody>): Promise<OperationResult> {
    if (body.type.toLowerCase() !== vaultType.toLowerCase()) {
      throw new ArmError(400, 'BadRequest', `The type must be '${vaultType}'.`)
    }
    if (!validName(body.name)) {
      return {
        status: 200,
        body: { nameAvailable: false, reason: 'AccountNameInvalid', message: invalidNameMessage(body.name) },
      }
    }
    if (this.#directory.live(body.name) === undefined && this.#directory.deletedByName(body.name) === undefined) {
      return { status: 200, body: { nameAvailable: true } }
    }
    return {
      status: 200,
      body: { nameAvailable: false, reason: 'AlreadyExists', message: vaultAlreadyExists(body.name).message },
    }
  }
}

function isUpdateKind(kind: string): kind is AccessPolicyUpdateKind {
  return kind === 'add' || kind === 'replace' || kind === 'remove'
}

function deletedVaultResponse({ vault, resource, deletedAt, scheduledPurgeAt }: DeletedVault) {
  return {
    id: `/subscriptions/${vault.subscriptionId}/providers/Microsoft.KeyVault/locations/${vault.location}/deletedVaults/${vault.name}`,
    name: vault.name,
    type: 'Microsoft.KeyVault/deletedVaults',
    properties: {
      vaultId: resource.id,
      location: vault.location,
      tags: resource.tags ?? {},
      deletionDate: new Date(deletedAt).toISOString(),
      scheduledPurgeDate: new Date(scheduledPurgeAt).toISOString(),
      ...(vault.properties.enablePurgeProtection === true ? { purgeProtectionEnabled: true } : {}),
    },
  }
}

class DeletedVaultHandlers {
  readonly #directory: VaultDirectory

  constructor(directory: VaultDirectory) {
    this.#directory = directory
  }

  async list({ id }: OperationContext): Promise<OperationResult> {
    const mine = [...this.#directory.deleted()].filter((entry) => ofSubscription(entry, id.subscriptionId))
    return { status: 200, body: { value: mine.map(deletedVaultResponse) } }
  }

  async get({ id }: OperationContext): Promise<OperationResult> {
    return { status: 200, body: deletedVaultResponse(this.#find(id)) }
  }

  async purge({ id }: OperationContext): Promise<OperationResult> {
    const { vault } = this.#find(id)
    if (vault.properties.enablePurgeProtection === true) {
      throw new ArmError(405, 'MethodNotAllowed', "Operation 'DeletedVaultPurge' is not allowed.")
    }
    await this.#directory.purge(vault.name)
    return { status: 200 }
  }

  #find(id: OperationContext['id']): DeletedVault {
    const [location = '', name = ''] = id.names
    const entry = this.#directory.deletedByName(name)
    if (
      entry === undefined ||
      entry.vault.location !== normalizeLocation(location) ||
      !ofSubscription(entry, id.subscriptionId)
    ) {
      throw new ArmError(
        404,
        'DeletedVaultNotFound',
        `The specified deleted vault '${name.slice(0, 256)}' does not exist.`,
      )
    }
    return entry
  }
}

function ofSubscription(entry: DeletedVault, subscriptionId: string | undefined): boolean {
  return entry.vault.subscriptionId.toLowerCase() === subscriptionId?.toLowerCase()
}
