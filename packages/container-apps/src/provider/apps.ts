/** The handlers of container apps. */
import { randomInt } from 'node:crypto'
import type { Directory } from '@keystead/identity'
import {
  invalidRequestContent,
  type OperationContext,
  type OperationResult,
  pageOfResources,
  parseResourceId,
  type Resource,
  type ResourceStore,
  resourceNotFound,
} from '@keystead/resource-manager'
import {
  type AppBody,
  type AppPatch,
  appBody,
  plain,
  refuseUnsupported,
  type StoredApp,
  storedApp,
} from './app-body.ts'
import { appRepresentation } from './app-representation.ts'
import { storedEnvironment } from './environment-body.ts'
import { environmentFixed, environmentNotFound, invalidAppName } from './errors.ts'
import {
  type AssignedIdentities,
  identityRepresentation,
  noIdentities,
  readIdentities,
  settleSystemIdentity,
} from './identity.ts'
import type { LogTokens } from './log-tokens.ts'
import { mergePatch } from './merge-patch.ts'
import { checkTraffic, newRevisionName, type Revision } from './revision-rules.ts'
import type { RevisionStore } from './revision-store.ts'
import { checkReferences, checkRemoval, readSecrets } from './secret-rules.ts'
import type { SecretStore } from './secret-store.ts'
import { appType, environmentType, type Supervisor } from './supervisor.ts'

export interface AppHandlersOptions {
  readonly directory: Directory
  readonly resources: ResourceStore
  readonly secrets: SecretStore
  readonly revisions: RevisionStore
  readonly supervisor: Supervisor
  readonly tokens: LogTokens
}

const joinAction = `${environmentType}/join/action`

export class AppHandlers {
  readonly #options: AppHandlersOptions

  constructor(options: AppHandlersOptions) {
    this.#options = options
  }

  async put(context: OperationContext<AppBody>): Promise<OperationResult> {
    const existing = await context.resources.get(context.path)
    const resource = await this.#write(context, existing, context.body)
    return { status: existing ? 200 : 201, body: await this.#shown(resource), operation: provision(resource.id) }
  }

  async patch(context: OperationContext<AppPatch>): Promise<OperationResult> {
    const existing = await this.#found(context)
    const stored = storedApp.parse(existing.properties)
    const secrets = await this.#options.secrets.get(existing.id)
    const { identities, configuration, ...rest } = stored
    const merged = mergePatch(
      {
        location: existing.location,
        tags: existing.tags,
        identity: identityDocument(identities),
        properties: { ...rest, configuration: { ...configuration, secrets } },
      },
      context.body,
    )
    const parsed = appBody.safeParse(plain(merged))
    if (!parsed.success) {
      const [issue] = parsed.error.issues
      throw invalidRequestContent(`${issue?.message}. Path '${issue?.path.join('.')}'`)
    }
    const { properties } = parsed.data
    // An app's own representation names its secrets without their values: what comes back of it keeps them.
    const kept = (properties.configuration.secrets ?? []).map((secret) =>
      secret.value || secret.keyVaultUrl ? secret : { ...secret, ...secrets.find(({ name }) => name === secret.name) },
    )
    const body = {
      ...parsed.data,
      properties: { ...properties, configuration: { ...properties.configuration, secrets: kept } },
    }
    const resource = await this.#write(context, existing, body)
    return { status: 202, body: await this.#shown(resource), operation: provision(resource.id) }
  }

  async get(context: OperationContext): Promise<OperationResult> {
    return { status: 200, body: await this.#shown(await this.#found(context)) }
  }

  async list(context: OperationContext): Promise<OperationResult> {
    const page = await pageOfResources(
      context,
      `${context.path}/providers/${appType}`,
      { below: context.path, type: appType },
      (resource) => resource,
    )
    const value = await Promise.all(page.value.map((resource) => this.#shown(resource as Resource)))
    return { status: 200, body: { ...page, value } }
  }

  async delete({ path, resources }: OperationContext): Promise<OperationResult> {
    if (!(await resources.get(path))) return { status: 204 }
    await this.forget(path)
    await resources.delete(path)
    return { status: 200 }
  }

  /** All that there is of an app besides its resource. */
  async forget(id: string): Promise<void> {
    const { supervisor, secrets, directory } = this.#options
    await supervisor.remove(id)
    await secrets.delete(id)
    await directory.deleteManagedIdentity(id)
  }

  async listSecrets(context: OperationContext): Promise<OperationResult> {
    const { id } = await this.#found(context)
    return {
      status: 200,
      headers: { 'cache-control': 'no-store' },
      body: { value: await this.#options.secrets.get(id) },
    }
  }

  async authToken(context: OperationContext): Promise<OperationResult> {
    const { id, name, type, location } = await this.#found(context)
    const { token, expires } = this.#options.tokens.issue(id)
    return {
      status: 200,
      headers: { 'cache-control': 'no-store' },
      body: { id, name, type, location, properties: { token, expires: new Date(expires).toISOString() } },
    }
  }

  async setStopped(context: OperationContext, stopped: boolean): Promise<OperationResult> {
    const { etag: _, ...existing } = await this.#found(context)
    const properties = plain({ ...storedApp.parse(existing.properties), stopped })
    const resource = await context.resources.put({ ...existing, properties })
    await this.#options.supervisor.reconcile(resource.id)
    return { status: 200, body: await this.#shown(resource) }
  }

  /** The end of a write's operation: the platform has accepted the revision. Runs again after a restart. */
  async provisioned(id: string): Promise<unknown> {
    const resource = await this.#options.resources.get(id)
    if (!resource) return undefined
    await this.#options.supervisor.reconcile(id)
    return this.#shown(resource)
  }

  async #write(
    { id, path, resources, require }: Pick<OperationContext<unknown>, 'id' | 'path' | 'resources' | 'require'>,
    existing: Resource | undefined,
    body: AppBody,
  ): Promise<Resource> {
    const { directory, secrets: secretStore, revisions: revisionStore, supervisor } = this.#options
    const name = id.names.at(-1) ?? ''
    checkName(name)
    // az names the container as the app: only here is it the container's name that is wrong.
    checkContainerNames(body.properties.template)
    const before = existing && storedApp.parse(existing.properties)
    const environmentId = await this.#environment(body, before, require)
    const identities = await readIdentities(body.identity, before?.identities ?? noIdentities, directory, require)
    const secrets = readSecrets(body.properties.configuration.secrets ?? [], identities)
    const { workloadProfileName, template } = body.properties
    const app = storedApp.parse(
      plain({
        environmentId,
        workloadProfileName,
        template,
        identities,
        configuration: settledTraffic(body.properties.configuration),
        ...(before?.stopped ? { stopped: true } : {}),
      }),
    )
    refuseUnsupported(app)
    const revisions = await revisionStore.of(path)
    checkChange(name, before, app, revisions)

    await settleSystemIdentity(path, before?.identities ?? noIdentities, identities, directory)
    await secretStore.put(path, secrets)
    const resource = await resources.put({
      id: existing?.id ?? path,
      name: existing?.name ?? name,
      type: appType,
      location: body.location,
      ...(body.tags ? { tags: body.tags } : {}),
      properties: plain(app),
    })
    await supervisor.reconcile(resource.id)
    return resource
  }

  /** The id of the environment, in the case it was made with. */
  async #environment(
    { properties }: AppBody,
    before: StoredApp | undefined,
    require: OperationContext['require'],
  ): Promise<string> {
    const given = properties.environmentId ?? properties.managedEnvironmentId ?? before?.environmentId
    if (given === undefined) throw invalidRequestContent("An app needs an 'environmentId'")
    const type = parseResourceId(given)
    if (`${type?.namespace}/${type?.types.join('/')}`.toLowerCase() !== environmentType.toLowerCase()) {
      throw environmentNotFound(given)
    }
    if (before && before.environmentId.toLowerCase() !== given.toLowerCase()) throw environmentFixed()
    if (!before) require(joinAction, given)
    const environment = await this.#options.resources.get(given)
    if (!environment) throw environmentNotFound(given)
    return environment.id
  }

  async #shown(resource: Resource): Promise<unknown> {
    const app = storedApp.parse(resource.properties)
    const environment = await this.#options.resources.get(app.environmentId)
    return appRepresentation({
      resource,
      app,
      identity: await identityRepresentation(resource.id, app.identities, this.#options.directory),
      defaultDomain: environment && storedEnvironment.parse(environment.properties).defaultDomain,
      revisions: await this.#options.revisions.of(resource.id),
    })
  }

  async #found({ id, path, resources }: OperationContext<unknown>): Promise<Resource> {
    const resource = await resources.get(path)
    if (!resource) throw resourceNotFound(id)
    return resource
  }
}

const provision = (id: string) => ({ job: 'provision', input: { id } })

function checkName(name: string): void {
  if (!/^[a-z](?:[a-z0-9-]{0,30}[a-z0-9])$/.test(name) || name.includes('--')) throw invalidAppName(name)
}

function checkContainerNames({ containers, initContainers = [] }: AppBody['properties']['template']): void {
  for (const { name } of [...containers, ...initContainers]) {
    if (/^[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?$/.test(name)) continue
    throw invalidRequestContent(
      `'${name}' can not name a container: a name has lower case alphanumeric characters or '-'`,
    )
  }
}

/** Everything that can be wrong with a change is said before any of it is stored. */
function checkChange(
  name: string,
  before: StoredApp | undefined,
  after: StoredApp,
  revisions: readonly Revision[],
): void {
  checkRemoval(name, before?.configuration.secrets, after.configuration.secrets, revisions)
  checkReferences(after)
  const added = newRevisionName(name, after.template, revisions, (limit) => randomInt(limit))
  const { ingress, activeRevisionsMode } = after.configuration
  // Traffic may name the revision that this very change makes.
  const known =
    added === undefined
      ? revisions
      : [...revisions, { name: added, sequence: 0, createdAt: 0, active: true, ready: false, template: after.template }]
  if (activeRevisionsMode === 'Multiple') checkTraffic(ingress?.traffic, known)
}

/** All traffic of an app in single mode goes to its latest revision, and so it does where nothing is said. */
function settledTraffic(configuration: AppBody['properties']['configuration']): AppBody['properties']['configuration'] {
  const { ingress, activeRevisionsMode } = configuration
  if (!ingress) return configuration
  const latest = [{ latestRevision: true, weight: 100, revisionName: undefined, label: undefined }]
  const given = ingress.traffic ?? []
  const keep =
    given.length > 0 && (activeRevisionsMode !== 'Single' || (given.length === 1 && given[0]?.latestRevision))
  return { ...configuration, ingress: { ...ingress, traffic: keep ? given : latest } }
}

/** The identities as a body has them, for a patch to be merged into. */
function identityDocument({ system, user }: AssignedIdentities): unknown {
  const type = [...(system ? ['SystemAssigned'] : []), ...(user.length > 0 ? ['UserAssigned'] : [])].join(',')
  return {
    type: type === '' ? 'None' : type,
    ...(user.length > 0 ? { userAssignedIdentities: Object.fromEntries(user.map((id) => [id, {}])) } : {}),
  }
}
