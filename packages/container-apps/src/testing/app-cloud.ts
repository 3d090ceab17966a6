/** Resource Manager with Microsoft.App over the real store, for tests: requests go in as the owner's. */
import { randomBytes } from 'node:crypto'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Caller } from '@keystead/identity'
import type { OperationResult } from '@keystead/resource-manager'
import { openTestCore } from '@keystead/resource-manager/testing'
import { containerAppsMigrations } from '../provider/migrations.ts'
import { type ContainerApps, openContainerApps } from '../service.ts'
import { RecordingPlatform } from './recording-platform.ts'

const tenantId = 'b1c0f1de-2f77-4b39-9d2b-0c7c8f1a5a10'
const subscriptionId = '0d6a1d6e-5d7e-4d3c-8c1e-3b7b7a0a9d11'
const ownerRole = '8e3af657-a8ff-443c-a75c-2fe8c4bcb635'
export const groupPath = `/subscriptions/${subscriptionId}/resourceGroups/rg`
export const environmentPath = `${groupPath}/providers/Microsoft.App/managedEnvironments/env`
export const appPath = (name: string): string => `${groupPath}/providers/Microsoft.App/containerApps/${name}`

export interface AppCloud {
  readonly platform: RecordingPlatform
  readonly apps: ContainerApps
  send(method: 'GET' | 'PUT' | 'POST' | 'DELETE', path: string, body?: unknown): Promise<OperationResult['body']>
  /** The same by somebody who owns no more than the group that the apps are in. */
  sendAsOwnerOfGroup: AppCloud['send']
  /** The same database with a platform that runs nothing yet. */
  restart(): Promise<AppCloud>
  stop(): Promise<void>
}

export async function startAppCloud(given?: {
  readonly directory: string
  readonly key: Uint8Array
  readonly caller: Caller
}): Promise<AppCloud> {
  const directory = given?.directory ?? (await mkdtemp(join(tmpdir(), 'keystead-apps-')))
  const key = given?.key ?? randomBytes(32)
  const log = (): void => {}
  const clock = Date.now
  const core = await openTestCore({
    directory,
    masterKey: { bytes: key },
    migrations: [containerAppsMigrations],
    tenantId,
    subscription: { id: subscriptionId, displayName: 'Keystead' },
    clock,
  })
  const { store, identity, manager } = core
  const platform = new RecordingPlatform()
  const { resources } = manager
  const apps = await openContainerApps({ store, directory: identity.directory, resources, platform, clock, log })
  manager.register(apps.provider)

  const caller = given?.caller ?? (await owner(`/subscriptions/${subscriptionId}`))
  async function owner(scope: string): Promise<Caller> {
    const { servicePrincipal } = await identity.directory.createApplication({ displayName: 'owner' })
    const { objectId, appId } = servicePrincipal
    await core.grant(objectId, ownerRole, scope)
    return { tenantId, objectId, appId, issuer: '', groupIds: [], kind: 'application', expiresAt: Infinity }
  }

  const sendAs =
    (who: Caller): AppCloud['send'] =>
    async (method, path, body) => {
      const apiVersion = path.includes('Microsoft.App') ? '2025-07-01' : '2021-04-01'
      return (await manager.execute({ caller: who, method, path, apiVersion, body })).body
    }
  const send = sendAs(caller)
  if (!given) {
    await send('PUT', groupPath, { location: 'westeurope' })
    await send('PUT', environmentPath, { location: 'westeurope', properties: {} })
  }
  const close = async (): Promise<void> => {
    await apps.close()
    await core.close()
  }
  return {
    platform,
    apps,
    send,
    sendAsOwnerOfGroup: async (...request) => sendAs(await owner(groupPath))(...request),
    async restart() {
      await close()
      const again = await startAppCloud({ directory, key, caller })
      await again.apps.start()
      return again
    },
    async stop() {
      await close()
      await rm(directory, { recursive: true, force: true })
    },
  }
}
