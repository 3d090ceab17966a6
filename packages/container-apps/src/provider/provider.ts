/** Microsoft.App as a resource provider: its types, and each operation with what it needs. */
import {
  type Job,
  notImplemented,
  type Operation,
  type OperationContext,
  type OperationResult,
  type ResourceProvider,
  type ResourceStore,
  type ResourceTypeDeclaration,
  regionDisplayNames,
  resourceNotFound,
} from '@keystead/resource-manager'
import { z } from 'zod'
import { appApiVersions as apiVersions } from './api-versions.ts'
import { type AppBody, type AppPatch, appBody, appPatch } from './app-body.ts'
import type { RevisionHandlers } from './app-revisions.ts'
import type { AppHandlers } from './apps.ts'
import { type ComponentBody, componentBody } from './component-body.ts'
import { type EnvironmentBody, type EnvironmentPatch, environmentBody, environmentPatch } from './environment-body.ts'
import type { ComponentHandlers, EnvironmentHandlers } from './environments.ts'
import type { SecretStore } from './secret-store.ts'
import { appType, componentType, environmentType } from './supervisor.ts'

export interface ProviderParts {
  readonly environments: EnvironmentHandlers
  readonly components: ComponentHandlers
  readonly apps: AppHandlers
  readonly revisions: RevisionHandlers
  readonly secrets: SecretStore
  readonly resources: ResourceStore
}

const jobInput = z.object({ id: z.string() })
const revisionType = `${appType}/revisions`
const jobType = 'Microsoft.App/jobs'

type Handle = (context: OperationContext) => Promise<OperationResult>

export function containerAppsProvider(parts: ProviderParts): ResourceProvider {
  return {
    namespace: 'Microsoft.App',
    types: [environments(parts), components(parts), apps(parts), revisions(parts), replicas(parts), jobs()],
  }
}

function environments({ environments: handlers, secrets, resources }: ProviderParts): ResourceTypeDeclaration {
  const read = `${environmentType}/read`
  return {
    type: 'managedEnvironments',
    apiVersions,
    locations: regionDisplayNames,
    jobs: { provision: provision((id) => handlers.provisioned(id, resources)) },
    operations: [
      {
        name: 'ManagedEnvironments_CreateOrUpdate',
        method: 'PUT',
        on: 'resource',
        action: `${environmentType}/write`,
        body: environmentBody,
        handle: (context) => handlers.put(context),
      } satisfies Operation<EnvironmentBody>,
      {
        name: 'ManagedEnvironments_Update',
        method: 'PATCH',
        on: 'resource',
        action: `${environmentType}/write`,
        body: environmentPatch,
        handle: (context) => handlers.patch(context),
      } satisfies Operation<EnvironmentPatch>,
      get('ManagedEnvironments_Get', 'resource', read, (context) => handlers.get(context)),
      remove('ManagedEnvironments_Delete', `${environmentType}/delete`, (context) => handlers.delete(context, secrets)),
      get('ManagedEnvironments_ListByResourceGroup', 'collection', read, (context) => handlers.list(context)),
      get('ManagedEnvironments_ListBySubscription', 'subscription', read, (context) => handlers.list(context)),
    ],
  }
}

function components({ components: handlers, secrets }: ProviderParts): ResourceTypeDeclaration {
  const read = `${componentType}/read`
  return {
    type: 'managedEnvironments/daprComponents',
    apiVersions,
    onDelete: (id) => secrets.delete(id),
    operations: [
      {
        name: 'DaprComponents_CreateOrUpdate',
        method: 'PUT',
        on: 'resource',
        action: `${componentType}/write`,
        body: componentBody,
        handle: (context) => handlers.put(context),
      } satisfies Operation<ComponentBody>,
      get('DaprComponents_Get', 'resource', read, (context) => handlers.get(context)),
      remove('DaprComponents_Delete', `${componentType}/delete`, (context) => handlers.delete(context)),
      get('DaprComponents_List', 'collection', read, (context) => handlers.list(context)),
      post('DaprComponents_ListSecrets', 'listSecrets', `${componentType}/listSecrets/action`, (context) =>
        handlers.listSecrets(context),
      ),
    ],
  }
}

function apps({ apps: handlers }: ProviderParts): ResourceTypeDeclaration {
  const read = `${appType}/read`
  return {
    type: 'containerApps',
    apiVersions,
    locations: regionDisplayNames,
    onDelete: (id) => handlers.forget(id),
    jobs: { provision: provision((id) => handlers.provisioned(id)) },
    operations: [
      {
        name: 'ContainerApps_CreateOrUpdate',
        method: 'PUT',
        on: 'resource',
        action: `${appType}/write`,
        body: appBody,
        handle: (context) => handlers.put(context),
      } satisfies Operation<AppBody>,
      {
        name: 'ContainerApps_Update',
        method: 'PATCH',
        on: 'resource',
        action: `${appType}/write`,
        body: appPatch,
        handle: (context) => handlers.patch(context),
      } satisfies Operation<AppPatch>,
      get('ContainerApps_Get', 'resource', read, (context) => handlers.get(context)),
      remove('ContainerApps_Delete', `${appType}/delete`, (context) => handlers.delete(context)),
      get('ContainerApps_ListByResourceGroup', 'collection', read, (context) => handlers.list(context)),
      get('ContainerApps_ListBySubscription', 'subscription', read, (context) => handlers.list(context)),
      post('ContainerApps_ListSecrets', 'listSecrets', `${appType}/listSecrets/action`, (context) =>
        handlers.listSecrets(context),
      ),
      post('ContainerApps_GetAuthToken', 'getAuthToken', `${appType}/getAuthToken/action`, (context) =>
        handlers.authToken(context),
      ),
      post('ContainerApps_Stop', 'stop', `${appType}/stop/action`, (context) => handlers.setStopped(context, true)),
      post('ContainerApps_Start', 'start', `${appType}/start/action`, (context) => handlers.setStopped(context, false)),
    ],
  }
}

function revisions({ revisions: handlers }: ProviderParts): ResourceTypeDeclaration {
  const action = (verb: string): string => `${revisionType}/${verb}/action`
  return {
    type: 'containerApps/revisions',
    apiVersions,
    operations: [
      get('ContainerAppsRevisions_ListRevisions', 'collection', `${revisionType}/read`, (context) =>
        handlers.list(context),
      ),
      get('ContainerAppsRevisions_GetRevision', 'resource', `${revisionType}/read`, (context) => handlers.get(context)),
      post('ContainerAppsRevisions_ActivateRevision', 'activate', action('activate'), (context) =>
        handlers.activate(context),
      ),
      post('ContainerAppsRevisions_DeactivateRevision', 'deactivate', action('deactivate'), (context) =>
        handlers.deactivate(context),
      ),
      post('ContainerAppsRevisions_RestartRevision', 'restart', action('restart'), (context) =>
        handlers.restart(context),
      ),
    ],
  }
}

function replicas({ revisions: handlers }: ProviderParts): ResourceTypeDeclaration {
  const read = `${revisionType}/replicas/read`
  return {
    type: 'containerApps/revisions/replicas',
    apiVersions,
    operations: [
      get('ContainerAppsRevisionReplicas_ListReplicas', 'collection', read, (context) =>
        handlers.listReplicas(context),
      ),
      get('ContainerAppsRevisionReplicas_GetReplica', 'resource', read, (context) => handlers.getReplica(context)),
    ],
  }
}

/** There are none, and none can be made. */
function jobs(): ResourceTypeDeclaration {
  return {
    type: 'jobs',
    apiVersions,
    locations: regionDisplayNames,
    operations: [
      {
        name: 'Jobs_CreateOrUpdate',
        method: 'PUT',
        on: 'resource',
        action: `${jobType}/write`,
        handle: async () => {
          throw notImplemented('A job of Container Apps')
        },
      } satisfies Operation,
      get('Jobs_Get', 'resource', `${jobType}/read`, async ({ id }) => {
        throw resourceNotFound(id)
      }),
      get('Jobs_ListByResourceGroup', 'collection', `${jobType}/read`, none),
      get('Jobs_ListBySubscription', 'subscription', `${jobType}/read`, none),
    ],
  }
}

const none: Handle = async () => ({ status: 200, body: { value: [] } })

const get = (name: string, on: Operation['on'], action: string, handle: Handle): Operation => ({
  name,
  method: 'GET',
  on,
  action,
  handle,
})

const remove = (name: string, action: string, handle: Handle): Operation => ({
  name,
  method: 'DELETE',
  on: 'resource',
  action,
  handle,
})

const post = (name: string, verb: string, action: string, handle: Handle): Operation => ({
  name,
  method: 'POST',
  on: 'resource',
  verb,
  action,
  handle,
})

function provision(outcome: (id: string) => Promise<unknown>): Job {
  return (input) => outcome(jobInput.parse(input).id)
}
