/** The owner: the service principal made at a cloud's first start, who may do everything in its subscription and its directory. */
import { randomUUID } from 'node:crypto'
import { readFile, rename, writeFile } from 'node:fs/promises'
import type { Authorizer } from '@keystead/authorization'
import type { Directory } from '@keystead/identity'
import { loadMasterKey, type MasterKey, openWithMasterKey, sealWithMasterKey } from '@keystead/store'
import { z } from 'zod'
import { CliError } from '../cli-error.ts'
import type { DataDirectory } from '../data-directory.ts'

const ownerSchema = z.object({
  clientId: z.guid(),
  clientSecret: z.string(),
  objectId: z.guid(),
  /** Milliseconds since the epoch. */
  expiresAt: z.int(),
})
export type Owner = z.infer<typeof ownerSchema>

const context = 'owner-credentials'
const ownerRole = '8e3af657-a8ff-443c-a75c-2fe8c4bcb635'
const lifetimeSeconds = 365 * 24 * 3600
const renewBeforeMs = 30 * 24 * 3600 * 1000

/** The owner's credentials, opened with the master key. */
export async function readOwner(directory: DataDirectory, environment: NodeJS.ProcessEnv): Promise<Owner> {
  const masterKey = await loadMasterKey({ file: directory.masterKey, environment, create: false })
  const owner = await openOwner(directory, masterKey)
  if (!owner) throw new CliError(`${directory.path} has no owner yet.`, 'Start the cloud once with `keystead up`.')
  return owner
}

/** Makes the owner at the first start, and gives it a new secret when the old one is about to expire. */
export async function ensureOwner(options: {
  readonly directory: DataDirectory
  readonly masterKey: MasterKey
  readonly principals: Directory
  readonly authorizer: Authorizer
  readonly tenantId: string
  readonly subscriptionId: string
  readonly clock: () => number
}): Promise<void> {
  const { directory, masterKey, principals, authorizer, subscriptionId, clock } = options
  const known = await openOwner(directory, masterKey)
  // Of the directory as of the subscription; also in a cloud that is older than directory roles.
  if (known) await principals.ensureGlobalAdministrator(known.objectId)
  if (known && known.expiresAt - clock() > renewBeforeMs) return

  const { clientId, objectId } = known ?? (await createOwner(principals))
  await principals.ensureGlobalAdministrator(objectId)
  const { secretText } = await principals.addPassword(clientId, { displayName: 'owner', lifetimeSeconds })
  const scope = `/subscriptions/${subscriptionId}`
  const assigned = [...authorizer.assignments({ principalId: objectId })].some(
    (assignment) => assignment.scope === scope && assignment.roleDefinitionName === ownerRole,
  )
  if (!assigned) {
    await authorizer.putAssignment({
      name: randomUUID(),
      scope,
      roleDefinitionName: ownerRole,
      principalId: objectId,
      principalType: 'ServicePrincipal',
      createdBy: objectId,
      createdOn: clock(),
    })
  }
  // Written last: a start that was cut short makes another owner, and never a file whose owner has no role.
  await saveOwner(directory, masterKey, {
    clientId,
    objectId,
    clientSecret: secretText,
    expiresAt: clock() + lifetimeSeconds * 1000,
  })
}

async function createOwner(principals: Directory): Promise<{ clientId: string; objectId: string }> {
  const { application, servicePrincipal } = await principals.createApplication({ displayName: 'keystead-owner' })
  return { clientId: application.appId, objectId: servicePrincipal.objectId }
}

async function openOwner(directory: DataDirectory, masterKey: MasterKey): Promise<Owner | undefined> {
  let sealed: Uint8Array
  try {
    sealed = await readFile(directory.owner)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined
    throw error
  }
  return ownerSchema.parse(JSON.parse(Buffer.from(openWithMasterKey(masterKey, sealed, context)).toString('utf8')))
}

async function saveOwner(directory: DataDirectory, masterKey: MasterKey, owner: Owner): Promise<void> {
  const temporary = `${directory.owner}.tmp`
  const plaintext = Buffer.from(JSON.stringify(owner))
  await writeFile(temporary, sealWithMasterKey(masterKey, plaintext, context), { mode: 0o600, flush: true })
  await rename(temporary, directory.owner)
}
