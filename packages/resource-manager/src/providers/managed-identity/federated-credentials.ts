/** Federated identity credentials: whose tokens a user-assigned identity accepts as its own. */
import { type Directory, DirectoryError } from '@keystead/identity'
import { z } from 'zod'
import { ArmError } from '../../arm-error.ts'
import { invalidResourceName, notImplemented, parentResourceNotFound, resourceNotFound } from '../../arm-errors.ts'
import { isRecord } from '../../json.ts'
import type { Operation, OperationContext, ResourceTypeDeclaration } from '../../operation.ts'
import { pageOfResources } from '../../paging.ts'
import type { Resource } from '../../resource-store.ts'
import { federatedCredentialApiVersions } from './api-versions.ts'
import { userAssignedType } from './user-assigned.ts'

const credentialType = `${userAssignedType}/federatedIdentityCredentials`
/** "Workload identity federation: considerations", learn.microsoft.com. */
const maxCredentials = 20

const putBody = z.object({
  properties: z.object({
    issuer: z.url({ protocol: /^https$/ }).max(600),
    subject: z.string().min(1).max(600).optional(),
    audiences: z.array(z.string().min(1).max(600)).length(1),
    claimsMatchingExpression: z.unknown().optional(),
  }),
})

export function federatedCredentialType(directory: Directory): ResourceTypeDeclaration {
  const put: Operation<z.infer<typeof putBody>> = {
    name: 'FederatedIdentityCredentials_CreateOrUpdate',
    method: 'PUT',
    on: 'resource',
    action: `${credentialType}/write`,
    body: putBody,
    handle: async ({ id, path, body, resources }) => {
      const name = id.names.at(-1) ?? ''
      checkName(name)
      const { issuer, subject, audiences, claimsMatchingExpression } = body.properties
      if (claimsMatchingExpression !== undefined || subject === undefined) {
        throw notImplemented('A federated identity credential without a subject (claimsMatchingExpression)')
      }
      const identityPath = parentOf(path)
      const clientId = await clientIdOf(directory, identityPath)
      const siblings = await resources.list({ below: identityPath, type: credentialType })
      const existing = siblings.find((each) => each.name.toLowerCase() === name.toLowerCase())
      const others = siblings.filter((each) => each !== existing)
      if (others.some(({ properties }) => properties.issuer === issuer && properties.subject === subject)) {
        throw new ArmError(409, 'Conflict', 'Issuer and subject combination already exists for this Managed Identity.')
      }
      if (others.length >= maxCredentials) {
        throw new ArmError(
          400,
          'BadRequest',
          `Too many Federated Identity Credentials are stored under Managed Identity '${identityPath}'; the most is ${maxCredentials}.`,
        )
      }
      // The directory compares names with their case, so it is given the one that was written first.
      const known = existing?.name ?? name
      await worded(() => directory.addFederatedCredential(clientId, { name: known, issuer, subject, audiences }))
      const stored = await resources.put({
        id: path,
        name,
        type: credentialType,
        properties: { issuer, subject, audiences },
      })
      return { status: existing === undefined ? 201 : 200, body: credentialBody(stored) }
    },
  }
  const get: Operation = {
    name: 'FederatedIdentityCredentials_Get',
    method: 'GET',
    on: 'resource',
    action: `${credentialType}/read`,
    handle: async ({ id, path, resources }) => {
      const credential = await resources.get(path)
      if (credential === undefined) throw resourceNotFound(id)
      return { status: 200, body: credentialBody(credential) }
    },
  }
  const remove: Operation = {
    name: 'FederatedIdentityCredentials_Delete',
    method: 'DELETE',
    on: 'resource',
    action: `${credentialType}/delete`,
    handle: async ({ path, resources }) => {
      const clientId = await clientIdOf(directory, parentOf(path))
      const existing = await resources.get(path)
      if (existing === undefined) return { status: 204 }
      await directory.removeFederatedCredential(clientId, existing.name)
      await resources.delete(path)
      return { status: 200 }
    },
  }
  const list: Operation = {
    name: 'FederatedIdentityCredentials_List',
    method: 'GET',
    on: 'collection',
    action: `${credentialType}/read`,
    handle: async (context: OperationContext) => ({
      status: 200,
      body: await pageOfResources(
        context,
        `${context.path}/federatedIdentityCredentials`,
        { below: context.path, type: credentialType },
        credentialBody,
      ),
    }),
  }
  return {
    type: 'userAssignedIdentities/federatedIdentityCredentials',
    apiVersions: federatedCredentialApiVersions,
    operations: [put, get, remove, list],
  }
}

/** The identity that a credential's path stands below. */
function parentOf(path: string): string {
  return path.split('/').slice(0, -2).join('/')
}

async function clientIdOf(directory: Directory, identityPath: string): Promise<string> {
  const identity = await directory.managedIdentity(identityPath)
  if (identity === undefined) throw parentResourceNotFound('write', credentialType, identityPath)
  return identity.clientId
}

async function worded(work: () => Promise<void>): Promise<void> {
  try {
    await work()
  } catch (error) {
    if (!(error instanceof DirectoryError)) throw error
    const [status, code] = error.code === 'conflict' ? ([409, 'Conflict'] as const) : ([400, 'BadRequest'] as const)
    throw new ArmError(status, code, error.message)
  }
}

function checkName(name: string): void {
  if (!/^[A-Za-z0-9][A-Za-z0-9_-]{2,119}$/.test(name)) {
    throw invalidResourceName(
      name,
      "it must have 3 to 120 characters, start with a letter or digit, and hold only letters, digits, '-' and '_'.",
    )
  }
}

function credentialBody({ id, name, type, properties }: Resource): unknown {
  return { id, name, type, properties: isRecord(properties) ? properties : {} }
}
