/** What the platform is handed, made of what is stored. */
import type {
  AppPlace,
  AppSecret,
  ContainerSpec,
  DaprComponent,
  DaprSpec,
  IngressSpec,
  Probe,
  RevisionSpec,
  ScaleRule,
  Variable,
} from '../platform/platform.ts'
import type { Container, StoredApp, Template } from './app-body.ts'
import type { StoredComponent } from './component-body.ts'
import type { StoredEnvironment } from './environment-body.ts'
import { type Revision, routes } from './revision-rules.ts'
import type { StoredSecret } from './secret-store.ts'

const defaultGraceSeconds = 30

export interface AppParts {
  readonly id: string
  readonly name: string
  readonly app: StoredApp
  readonly secrets: readonly StoredSecret[]
  readonly environment: { readonly id: string; readonly name: string; readonly properties: StoredEnvironment }
  readonly components: readonly {
    readonly name: string
    readonly properties: StoredComponent
    readonly secrets: readonly StoredSecret[]
  }[]
}

export function placeOf({ id, name, environment }: AppParts): AppPlace {
  const { defaultDomain, appLogsConfiguration } = environment.properties
  const workspaceId = appLogsConfiguration.logAnalyticsConfiguration?.customerId
  return {
    appId: id,
    appName: name,
    environmentId: environment.id,
    environmentName: environment.name,
    defaultDomain,
    ...(workspaceId === undefined ? {} : { workspaceId }),
  }
}

export function revisionSpec(parts: AppParts, { name, template }: Revision): RevisionSpec {
  const { id, app } = parts
  const { configuration, identities } = app
  const dapr = daprSpec(parts)
  const targetPort = configuration.ingress?.targetPort
  return {
    name,
    place: placeOf(parts),
    containers: template.containers.map((container) => containerSpec(container, template, parts.secrets)),
    initContainers: (template.initContainers ?? []).map((container) =>
      containerSpec(container, template, parts.secrets),
    ),
    secrets: parts.secrets.map((secret) => appSecret(secret, id)),
    identities: [...(identities.system ? [id] : []), ...identities.user],
    ...(dapr ? { dapr } : {}),
    ...(targetPort === undefined ? {} : { targetPort }),
    scale: {
      minReplicas: template.scale.minReplicas ?? 0,
      maxReplicas: template.scale.maxReplicas,
      pollingInterval: template.scale.pollingInterval,
      cooldownPeriod: template.scale.cooldownPeriod,
      rules: (template.scale.rules ?? []).map((rule) => scaleRule(rule, id)),
    },
    terminationGracePeriodSeconds: template.terminationGracePeriodSeconds ?? defaultGraceSeconds,
  }
}

/** Undefined for an app without ingress, or without anything to send requests to. */
export function ingressSpec(parts: AppParts, revisions: readonly Revision[]): IngressSpec | undefined {
  const { ingress } = parts.app.configuration
  const traffic = routes(parts.app, revisions)
  if (!ingress || traffic.length === 0) return undefined
  const { corsPolicy } = ingress
  return {
    place: placeOf(parts),
    external: ingress.external,
    transport: ingress.transport.toLowerCase() as IngressSpec['transport'],
    allowInsecure: ingress.allowInsecure,
    stickySessions: ingress.stickySessions?.affinity === 'sticky',
    traffic,
    ...(corsPolicy
      ? {
          cors: {
            allowedOrigins: corsPolicy.allowedOrigins ?? [],
            allowedMethods: corsPolicy.allowedMethods ?? [],
            allowedHeaders: corsPolicy.allowedHeaders ?? [],
            exposeHeaders: corsPolicy.exposeHeaders ?? [],
            ...(corsPolicy.maxAge === undefined ? {} : { maxAge: corsPolicy.maxAge }),
            allowCredentials: corsPolicy.allowCredentials ?? false,
          },
        }
      : {}),
    ipRestrictions: (ingress.ipSecurityRestrictions ?? []).map(({ name, ipAddressRange, action }) => ({
      name,
      ipAddressRange,
      action,
    })),
  }
}

function appSecret(secret: StoredSecret, appId: string): AppSecret {
  if ('value' in secret) return secret
  return { ...secret, identity: secret.identity === 'system' ? appId : secret.identity }
}

function variables(list: readonly { name: string; value?: string | undefined; secretRef?: string | undefined }[]) {
  return list.map(
    ({ name, value, secretRef }): Variable =>
      secretRef === undefined ? { name, value: value ?? '' } : { name, secretRef },
  )
}

function containerSpec(container: Container, template: Template, secrets: readonly StoredSecret[]): ContainerSpec {
  const { name, image, command = [], args = [], env = [], resources, probes = [], volumeMounts = [] } = container
  return {
    name,
    image,
    command,
    args,
    variables: variables(env),
    probes: probes.map(probe),
    secretMounts: volumeMounts.flatMap(({ volumeName, mountPath }) => {
      const volume = (template.volumes ?? []).find((each) => each.name === volumeName)
      if (!volume) return []
      const files = volume.secrets?.length
        ? volume.secrets.map(({ secretRef, path }) => ({ name: secretRef, file: path ?? secretRef }))
        : secrets.map((secret) => ({ name: secret.name, file: secret.name }))
      return [{ path: mountPath, secrets: files }]
    }),
    cpu: resources.cpu,
    memoryBytes: bytes(resources.memory),
  }
}

function bytes(memory: string): number {
  const unit = memory.endsWith('Gi') ? 1024 ** 3 : 1024 ** 2
  return Math.round(Number.parseFloat(memory) * unit)
}

/** With the defaults of "Health probes in Azure Container Apps". */
function probe(given: NonNullable<Container['probes']>[number]): Probe {
  const { type, httpGet, tcpSocket } = given
  return {
    type,
    ...(httpGet
      ? {
          httpGet: {
            path: httpGet.path,
            port: httpGet.port,
            scheme: httpGet.scheme ?? 'HTTP',
            headers: httpGet.httpHeaders ?? [],
          },
        }
      : {}),
    ...(tcpSocket ? { tcpSocket: { port: tcpSocket.port } } : {}),
    initialDelaySeconds: given.initialDelaySeconds ?? 0,
    periodSeconds: given.periodSeconds ?? 10,
    timeoutSeconds: given.timeoutSeconds ?? 1,
    failureThreshold: given.failureThreshold ?? 3,
    successThreshold: given.successThreshold ?? 1,
  }
}

function scaleRule(
  { name, http, tcp, azureQueue, custom }: NonNullable<Template['scale']['rules']>[number],
  appId: string,
): ScaleRule {
  const given = http ?? tcp ?? azureQueue ?? custom
  const identity = given?.identity?.toLowerCase() === 'system' ? appId : given?.identity
  return {
    name,
    type: tcp ? 'tcp' : azureQueue ? 'azure-queue' : custom ? 'custom' : 'http',
    ...(custom ? { customType: custom.type } : {}),
    metadata: azureQueue
      ? {
          ...(azureQueue.accountName === undefined ? {} : { accountName: azureQueue.accountName }),
          queueName: azureQueue.queueName,
          queueLength: String(azureQueue.queueLength),
        }
      : ((http ?? tcp ?? custom)?.metadata ?? {}),
    auth: given?.auth ?? [],
    ...(identity === undefined ? {} : { identity }),
  }
}

function daprSpec({ id, name, app, components }: AppParts): DaprSpec | undefined {
  const { dapr } = app.configuration
  if (!dapr?.enabled) return undefined
  const appId = dapr.appId ?? name
  return {
    appId,
    ...(dapr.appPort === undefined ? {} : { appPort: dapr.appPort }),
    appProtocol: dapr.appProtocol ?? 'http',
    logLevel: dapr.logLevel ?? 'info',
    enableApiLogging: dapr.enableApiLogging ?? false,
    ...(dapr.httpMaxRequestSize === undefined ? {} : { httpMaxRequestSize: dapr.httpMaxRequestSize }),
    ...(dapr.httpReadBufferSize === undefined ? {} : { httpReadBufferSize: dapr.httpReadBufferSize }),
    components: components
      .filter(({ properties: { scopes } }) => !scopes || scopes.length === 0 || scopes.includes(appId))
      .map(({ name: component, properties, secrets }): DaprComponent => {
        const { initTimeout, secretStoreComponent } = properties
        return {
          name: component,
          componentType: properties.componentType,
          version: properties.version,
          ignoreErrors: properties.ignoreErrors,
          ...(initTimeout === undefined ? {} : { initTimeout }),
          secrets: secrets.map((secret) => appSecret(secret, id)),
          ...(secretStoreComponent === undefined ? {} : { secretStoreComponent }),
          metadata: variables(properties.metadata ?? []),
          scopes: properties.scopes ?? [],
        }
      }),
  }
}
