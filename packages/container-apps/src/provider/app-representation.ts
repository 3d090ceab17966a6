/** Container apps, revisions and replicas as Azure shows them. */
import type { Resource } from '@keystead/resource-manager'
import type { ReplicaStatus, RevisionStatus } from '../platform/platform.ts'
import type { StoredApp, Template } from './app-body.ts'
import { latestReady, type Revision, routes } from './revision-rules.ts'

/** `APP.DOMAIN`, or `APP.internal.DOMAIN` of an app that is reached from its environment only. */
export function hostOf(name: string, app: StoredApp, defaultDomain: string): string {
  return app.configuration.ingress?.external ? `${name}.${defaultDomain}` : `${name}.internal.${defaultDomain}`
}

/** Where the log streams of the apps of a region are. */
export function eventStreamEndpoint({ id, location }: Pick<Resource, 'id' | 'location'>): string {
  const [, , subscription, , group, , , , name] = id.split('/')
  return `https://${location}.azurecontainerapps.dev/subscriptions/${subscription}/resourceGroups/${group}/containerApps/${name}/eventstream`
}

export function appRepresentation({
  resource,
  app,
  identity,
  defaultDomain,
  revisions,
}: {
  readonly resource: Resource
  readonly app: StoredApp
  readonly identity: unknown
  /** Undefined when the environment is gone. */
  readonly defaultDomain: string | undefined
  readonly revisions: readonly Revision[]
}): unknown {
  const { id, name, type, location, tags } = resource
  const { configuration, environmentId, workloadProfileName } = app
  const { ingress, ...rest } = configuration
  const latest = revisions.at(-1)
  const ready = latestReady(revisions)
  const fqdn = ingress && defaultDomain !== undefined ? hostOf(name, app, defaultDomain) : undefined
  return {
    id,
    name,
    type,
    location,
    ...(tags ? { tags } : {}),
    identity,
    properties: {
      provisioningState: latest && !latest.ready && latest.failure !== undefined ? 'Failed' : 'Succeeded',
      runningStatus: app.stopped ? 'Stopped' : 'Running',
      managedEnvironmentId: environmentId,
      environmentId,
      ...(workloadProfileName === undefined ? {} : { workloadProfileName }),
      latestRevisionName: latest?.name ?? '',
      latestReadyRevisionName: ready?.name ?? '',
      ...(fqdn === undefined || !latest ? {} : { latestRevisionFqdn: hostOf(latest.name, app, defaultDomain ?? '') }),
      configuration: { ...rest, ...(ingress ? { ingress: { fqdn, exposedPort: 0, ...ingress } } : {}) },
      template: templateRepresentation(app.template),
      eventStreamEndpoint: eventStreamEndpoint(resource),
    },
  }
}

export function revisionRepresentation({
  app,
  appResource,
  revision,
  revisions,
  defaultDomain,
  status,
}: {
  readonly app: StoredApp
  readonly appResource: Resource
  readonly revision: Revision
  readonly revisions: readonly Revision[]
  readonly defaultDomain: string | undefined
  readonly status: RevisionStatus | undefined
}): unknown {
  const { name, active, ready, failure, createdAt, template } = revision
  const sent = routes(app, revisions).filter((route) => route.revision === name)
  const labels = sent.flatMap(({ label }) => label ?? [])
  const runs = active && !app.stopped
  const error = ready ? status?.details : failure
  return {
    id: `${appResource.id}/revisions/${name}`,
    name,
    type: `${appResource.type}/revisions`,
    properties: {
      createdTime: new Date(createdAt).toISOString(),
      ...(app.configuration.ingress && defaultDomain !== undefined ? { fqdn: hostOf(name, app, defaultDomain) } : {}),
      template: templateRepresentation(template),
      active,
      replicas: runs ? (status?.replicas.length ?? 0) : 0,
      trafficWeight: runs && app.configuration.ingress ? sent.reduce((sum, { weight }) => sum + weight, 0) : 0,
      ...(labels.length > 0 ? { labels } : {}),
      provisioningState: ready ? 'Provisioned' : failure === undefined ? 'Provisioning' : 'Failed',
      ...(error === undefined ? {} : { provisioningError: error, runningStateDetails: error }),
      healthState: runs ? health(status) : 'None',
      runningState: runs ? (status?.runningState ?? 'Processing') : 'Stopped',
    },
  }
}

function health(status: RevisionStatus | undefined): string {
  if (status?.runningState === 'Failed' || status?.runningState === 'Degraded') return 'Unhealthy'
  return status?.runningState === 'Running' || status?.runningState === 'ScaledToZero' ? 'Healthy' : 'None'
}

export function replicaRepresentation(
  revisionId: string,
  { name, createdAt, runningState, runningStateDetails, containers }: ReplicaStatus,
): unknown {
  return {
    id: `${revisionId}/replicas/${name}`,
    name,
    type: 'Microsoft.App/containerApps/revisions/replicas',
    properties: {
      createdTime: new Date(createdAt).toISOString(),
      runningState,
      ...(runningStateDetails === undefined ? {} : { runningStateDetails }),
      containers: containers.map((container) => ({ containerId: `${name}/${container.name}`, ...container })),
      initContainers: [],
    },
  }
}

function templateRepresentation({ revisionSuffix, ...template }: Template): unknown {
  return { revisionSuffix: revisionSuffix ?? '', ...template }
}
