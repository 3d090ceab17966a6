/** Resource Manager with deployments over a real store, asked as a caller and without a socket, for tests. */
import { randomBytes } from 'node:crypto'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Authorizer } from '@keystead/authorization'
import type { Caller } from '@keystead/identity'
import {
  type Operation,
  type ResourceManager,
  type ResourceProvider,
  resourceNotFound,
} from '@keystead/resource-manager'
import { openTestCore } from '@keystead/resource-manager/testing'
import type { Store } from '@keystead/store'
import { deploymentsMigrations } from '../migrations.ts'
import { type Deployments, openDeployments } from '../service.ts'
import { facts, groupId } from './scope.ts'

export { groupId }
export const thingType = 'Microsoft.Test/things'
export const deployments = `${groupId}/providers/Microsoft.Resources/deployments`
const { tenantId, subscription } = facts
const masterKey = { bytes: randomBytes(32) }
const owner = '8e3af657-a8ff-443c-a75c-2fe8c4bcb635'

export interface DeploymentCloud {
  readonly directory: string
  readonly store: Store
  readonly manager: ResourceManager
  readonly authorizer: Authorizer
  readonly deployments: Deployments
  readonly caller: Caller
  /** Ids of things in the order in which they were put. */
  readonly written: string[]
  /** What the put of a thing waits for. */
  gate: (name: string) => Promise<void>
  /** Puts a deployment; answers its body once it has begun. */
  deploy(
    name: string,
    template: unknown,
    properties?: Readonly<Record<string, unknown>>,
    caller?: Caller,
  ): Promise<Body>
  get(id: string, apiVersion?: string): Promise<Body>
  /** The deployment's properties when it has ended. */
  ended(name: string): Promise<Body>
  stop(options?: { readonly keep?: boolean }): Promise<void>
}

/** A loose view of an answer: tests reach into it and compare. */
export type Body = { readonly [name: string]: Body } & { readonly length: number } & Iterable<Body>

const caller: Caller = {
  tenantId,
  objectId: facts.caller.objectId,
  appId: facts.caller.objectId,
  issuer: `https://sts.windows.net/${tenantId}/`,
  groupIds: [],
  kind: 'application',
  expiresAt: 0,
}

export async function startCloud(options: { readonly directory?: string } = {}): Promise<DeploymentCloud> {
  const directory = options.directory ?? (await mkdtemp(join(tmpdir(), 'keystead-deployments-')))
  const clock = Date.now
  const log = () => {}
  const core = await openTestCore({
    directory,
    masterKey,
    migrations: [deploymentsMigrations],
    tenantId,
    subscription,
    clock,
  })
  const { store, authorizer, manager } = core
  const running = await openDeployments({
    store,
    manager,
    secretOf: async ({ name }) => (name === 'known' ? { value: 'from-the-vault' } : { refused: 'There is none.' }),
    clock,
    log,
  })
  const cloud: DeploymentCloud = {
    directory,
    store,
    manager,
    authorizer,
    deployments: running,
    caller,
    written: [],
    gate: async () => {},
    async deploy(name, template, properties = {}, as = caller) {
      const body = JSON.stringify({ properties: { mode: 'Incremental', template, ...properties } })
      const request = {
        caller: as,
        method: 'PUT',
        path: `${deployments}/${name}`,
        apiVersion: '2025-04-01',
        body,
      } as const
      return (await manager.execute(request)).body as Body
    },
    async get(path, apiVersion = '2025-04-01') {
      return (await manager.execute({ caller, method: 'GET', path, apiVersion })).body as Body
    },
    async ended(name) {
      for (;;) {
        const { properties } = await cloud.get(`${deployments}/${name}`)
        if (!['Accepted', 'Running'].includes(String(properties?.provisioningState))) return properties as Body
        await new Promise((resolve) => setImmediate(resolve))
      }
    },
    async stop({ keep = false } = {}) {
      await running.close()
      await core.close()
      if (!keep) await rm(directory, { recursive: true, force: true })
    },
  }
  manager.register(things(cloud))
  manager.register(running.provider)
  if (options.directory === undefined) {
    await core.grant(caller.objectId, owner, `/subscriptions/${subscription.id}`)
    const body = { location: 'westeurope' }
    await manager.execute({ caller, method: 'PUT', path: groupId, apiVersion: '2025-04-01', body })
  }
  await running.resume()
  return cloud
}

/** A type of resource that takes anything, and refuses what is called `bad`. */
function things(cloud: DeploymentCloud): ResourceProvider {
  const put: Operation = {
    name: 'PutThing',
    method: 'PUT',
    on: 'resource',
    action: `${thingType}/write`,
    handle: async ({ id, path, body, resources }) => {
      const name = id.names.at(-1) ?? ''
      await cloud.gate(name)
      if (name === 'bad') throw resourceNotFound(id)
      cloud.written.push(name)
      const {
        location,
        tags,
        properties = {},
      } = body as {
        location: string
        tags?: Record<string, string>
        properties?: Record<string, unknown>
      }
      const existing = await resources.get(path)
      await resources.put({ id: path, name, type: thingType, location, ...(tags && { tags }), properties })
      return { status: existing === undefined ? 201 : 200, body: { id: path, name, type: thingType, properties } }
    },
  }
  const get: Operation = {
    name: 'GetThing',
    method: 'GET',
    on: 'resource',
    action: `${thingType}/read`,
    handle: async ({ id, path, resources }) => {
      const found = await resources.get(path)
      if (found === undefined) throw resourceNotFound(id)
      const { etag: _etag, ...shown } = found
      return { status: 200, body: shown }
    },
  }
  const remove: Operation = {
    name: 'DeleteThing',
    method: 'DELETE',
    on: 'resource',
    action: `${thingType}/delete`,
    handle: async ({ path, resources }) => ({ status: (await resources.delete(path)) === undefined ? 204 : 200 }),
  }
  const listKeys: Operation = {
    name: 'ListThingKeys',
    method: 'POST',
    on: 'resource',
    verb: 'listKeys',
    action: `${thingType}/listKeys/action`,
    handle: async ({ id }) => ({ status: 200, body: { keys: [`key-of-${id.names.at(-1)}`] } }),
  }
  return {
    namespace: 'Microsoft.Test',
    types: [
      {
        type: 'things',
        apiVersions: ['2024-01-01'],
        locations: ['West Europe'],
        operations: [put, get, remove, listKeys],
      },
    ],
  }
}
