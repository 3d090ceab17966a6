/** The handlers of managed environments and their Dapr components. */
import { randomBytes, randomInt } from 'node:crypto'
import {
  invalidRequestContent,
  notImplemented,
  type OperationContext,
  type OperationResult,
  pageOfResources,
  type Resource,
  type ResourceStore,
  resourceNotFound,
} from '@keystead/resource-manager'
import { plain, storedApp } from './app-body.ts'
import { type ComponentBody, storedComponent } from './component-body.ts'
import { type EnvironmentBody, type EnvironmentPatch, environmentBody, storedEnvironment } from './environment-body.ts'
import { environmentHasApps, invalidComponentName, invalidEnvironmentName, secretRefNotFound } from './errors.ts'
import { assignAction } from './identity.ts'
import { mergePatch } from './merge-patch.ts'
import { readSecrets } from './secret-rules.ts'
import type { SecretStore } from './secret-store.ts'
import { appType, componentType, environmentType, type Supervisor } from './supervisor.ts'

export class EnvironmentHandlers {
  async put(context: OperationContext<EnvironmentBody>): Promise<OperationResult> {
    const { id, path, body, resources } = context
    const name = id.names.at(-1) ?? ''
    if (!/^[A-Za-z](?:[A-Za-z0-9-]{0,58}[A-Za-z0-9])$/.test(name)) throw invalidEnvironmentName(name)
    const existing = await resources.get(path)
    const before = existing && storedEnvironment.parse(existing.properties)
    const resource = await resources.put({
      id: path,
      name,
      type: environmentType,
      location: body.location,
      ...(body.tags ? { tags: body.tags } : {}),
      properties: plain({
        ...body.properties,
        defaultDomain: before?.defaultDomain ?? uniqueDomain(body.location),
        staticIp: before?.staticIp ?? `20.${randomInt(1, 255)}.${randomInt(1, 255)}.${randomInt(1, 255)}`,
      }),
    })
    return { status: existing ? 200 : 201, body: environmentRepresentation(resource), operation: provision(path) }
  }

  async patch(context: OperationContext<EnvironmentPatch>): Promise<OperationResult> {
    const { path, body, resources } = context
    const { etag: _, ...before } = await found(context)
    const merged = environmentBody.safeParse(
      mergePatch({ location: before.location, tags: before.tags, properties: before.properties }, body),
    )
    if (!merged.success) throw invalidRequestContent(merged.error.issues[0]?.message ?? 'The content is not valid')
    const { defaultDomain, staticIp } = storedEnvironment.parse(before.properties)
    const { tags, properties } = merged.data
    const { tags: __, ...rest } = before
    const resource = await resources.put({
      ...rest,
      ...(tags ? { tags } : {}),
      properties: plain({ ...properties, defaultDomain, staticIp }),
    })
    return { status: 202, body: environmentRepresentation(resource), operation: provision(path) }
  }

  async get(context: OperationContext): Promise<OperationResult> {
    return { status: 200, body: environmentRepresentation(await found(context)) }
  }

  async delete({ path, resources, id }: OperationContext, secrets: SecretStore): Promise<OperationResult> {
    if (!(await resources.get(path))) return { status: 204 }
    const apps = (await resources.list({ type: appType })).filter(
      ({ properties }) => storedApp.parse(properties).environmentId.toLowerCase() === path.toLowerCase(),
    )
    if (apps.length > 0) throw environmentHasApps(id.names[0] ?? '', apps.length)
    for (const component of await resources.list({ below: path, type: componentType })) {
      await secrets.delete(component.id)
      await resources.delete(component.id)
    }
    await resources.delete(path)
    return { status: 200 }
  }

  async list(context: OperationContext): Promise<OperationResult> {
    const filter = { below: context.path, type: environmentType }
    const path = `${context.path}/providers/${environmentType}`
    return { status: 200, body: await pageOfResources(context, path, filter, environmentRepresentation) }
  }

  /** What the operation of a write comes to. */
  async provisioned(id: string, resources: ResourceStore): Promise<unknown> {
    const resource = await resources.get(id)
    return resource && environmentRepresentation(resource)
  }
}

export class ComponentHandlers {
  readonly #secrets: SecretStore
  readonly #supervisor: Supervisor

  constructor(secrets: SecretStore, supervisor: Supervisor) {
    this.#secrets = secrets
    this.#supervisor = supervisor
  }

  async put({ id, path, body, resources, require }: OperationContext<ComponentBody>): Promise<OperationResult> {
    const name = id.names.at(-1) ?? ''
    if (!/^[a-z](?:[a-z0-9-]{0,58}[a-z0-9])$/.test(name)) throw invalidComponentName(name)
    const { properties } = body
    const secrets = readSecrets(properties.secrets ?? [], undefined)
    for (const secret of secrets) {
      if (!('keyVaultUrl' in secret)) continue
      if (secret.identity === 'system') throw notImplemented('An identity of an environment')
      // Whoever lets a component read as an identity must be one who may give that identity to an app.
      require(assignAction, secret.identity)
    }
    const known = new Set(secrets.map((secret) => secret.name))
    for (const { secretRef } of properties.metadata ?? []) {
      if (secretRef !== undefined && properties.secretStoreComponent === undefined && !known.has(secretRef)) {
        throw secretRefNotFound(secretRef, `Dapr component '${name}'`)
      }
    }
    await this.#secrets.put(path, secrets)
    const resource = await resources.put({
      id: path,
      name,
      type: componentType,
      properties: plain(storedComponent.parse(properties)),
    })
    await this.#supervisor.reconcileEnvironment(environmentOf(path))
    return { status: 200, body: componentRepresentation(resource) }
  }

  async get(context: OperationContext): Promise<OperationResult> {
    return { status: 200, body: componentRepresentation(await found(context)) }
  }

  async delete({ path, resources }: OperationContext): Promise<OperationResult> {
    if (!(await resources.delete(path))) return { status: 204 }
    await this.#secrets.delete(path)
    await this.#supervisor.reconcileEnvironment(environmentOf(path))
    return { status: 200 }
  }

  async list(context: OperationContext): Promise<OperationResult> {
    const { path } = context
    const filter = { below: path, type: componentType }
    const body = await pageOfResources(context, `${path}/daprComponents`, filter, componentRepresentation)
    return { status: 200, body }
  }

  async listSecrets(context: OperationContext): Promise<OperationResult> {
    const { id } = await found(context)
    return {
      status: 200,
      headers: { 'cache-control': 'no-store' },
      body: { value: await this.#secrets.get(id) },
    }
  }
}

const provision = (id: string) => ({ job: 'provision', input: { id } })

/** e.g. `wonderfulsky-1a2b3c4d.westeurope.azurecontainerapps.io` on Azure. */
const uniqueDomain = (location: string): string =>
  `keystead-${randomBytes(4).toString('hex')}.${location}.azurecontainerapps.io`

const environmentOf = (componentPath: string): string => componentPath.split('/').slice(0, -2).join('/')

async function found({ id, path, resources }: OperationContext<unknown>): Promise<Resource> {
  const resource = await resources.get(path)
  if (!resource) throw resourceNotFound(id)
  return resource
}

function environmentRepresentation({ id, name, type, location, tags, properties }: Resource): unknown {
  return {
    id,
    name,
    type,
    location,
    ...(tags ? { tags } : {}),
    properties: { ...storedEnvironment.parse(properties), provisioningState: 'Succeeded' },
  }
}

function componentRepresentation({ id, name, type, properties }: Resource): unknown {
  return { id, name, type, properties: storedComponent.parse(properties) }
}
