/** The variables of a container: the app's own, and those that the platform sets. */
import type { SidecarPorts } from './dapr-sidecar.ts'
import type { ContainerSpec, RevisionSpec } from './platform.ts'
import { SecretUnavailable } from './secret-values.ts'

export interface ReplicaEnvironmentOptions {
  readonly spec: RevisionSpec
  readonly container: ContainerSpec
  readonly replica: string
  readonly secrets: ReadonlyMap<string, string>
  /** Proxy and CA variables. */
  readonly client: Readonly<Record<string, string>>
  readonly identity?: { readonly endpoint: string; readonly header: string }
  /** Where the app is to listen. */
  readonly port?: number
  readonly dapr?: SidecarPorts
}

/** Throws {@link SecretUnavailable} for a variable whose secret the app does not have. */
export function replicaEnvironment(options: ReplicaEnvironmentOptions): Record<string, string> {
  const { spec, container, replica, secrets, client, identity, port, dapr } = options
  const own = Object.fromEntries(
    container.variables.map((variable) => {
      if ('value' in variable) return [variable.name, variable.value]
      const value = secrets.get(variable.secretRef)
      if (value === undefined) {
        throw new SecretUnavailable(
          `The app has no secret '${variable.secretRef}', which the variable ${variable.name} refers to.`,
        )
      }
      return [variable.name, value]
    }),
  )
  // An app that names its port itself is moved as well when another process of this machine has it.
  const ownPort = own.PORT !== undefined && own.PORT !== String(spec.targetPort) ? own.PORT : undefined
  return {
    ...baseEnvironment(client),
    ...own,
    CONTAINER_APP_NAME: spec.place.appName,
    CONTAINER_APP_REVISION: spec.name,
    CONTAINER_APP_REPLICA_NAME: replica,
    CONTAINER_APP_HOSTNAME: `${spec.name}.${spec.place.defaultDomain}`,
    CONTAINER_APP_ENV_DNS_SUFFIX: spec.place.defaultDomain,
    ...(port === undefined ? {} : { CONTAINER_APP_PORT: String(port), PORT: ownPort ?? String(port) }),
    ...(identity ? { IDENTITY_ENDPOINT: identity.endpoint, IDENTITY_HEADER: identity.header } : {}),
    ...(dapr
      ? { APP_ID: spec.dapr?.appId ?? '', DAPR_HTTP_PORT: String(dapr.http), DAPR_GRPC_PORT: String(dapr.grpc) }
      : {}),
  }
}

/** What every program needs, with the proxy and CA variables. */
export function baseEnvironment(client: Readonly<Record<string, string>>): Record<string, string> {
  const { PATH = '', HOME = '' } = process.env
  return { PATH, HOME, ...client }
}
