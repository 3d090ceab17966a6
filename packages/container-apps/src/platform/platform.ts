/**
 * What the resource provider asks of the platform that runs replicas. The provider keeps the desired state, durable, and
 * hands all of it over again when the platform starts anew; the platform keeps nothing.
 */

/** `name: value` of a variable, or where its value comes from. */
export type Variable =
  | { readonly name: string; readonly value: string }
  | { readonly name: string; readonly secretRef: string }

/** An app's secret: its value, or where the value is when the revision starts. */
export type AppSecret =
  | { readonly name: string; readonly value: string }
  | {
      readonly name: string
      /** `https://NAME.vault.azure.net/secrets/SECRET[/VERSION]`. */
      readonly keyVaultUrl: string
      /** Resource id of the identity that reads it: a user-assigned one's, or the app's own for a system-assigned one. */
      readonly identity: string
    }

export interface Probe {
  readonly type: 'Liveness' | 'Readiness' | 'Startup'
  readonly httpGet?: {
    readonly path: string
    readonly port: number
    readonly scheme: 'HTTP' | 'HTTPS'
    readonly headers: readonly { readonly name: string; readonly value: string }[]
  }
  readonly tcpSocket?: { readonly port: number }
  readonly initialDelaySeconds: number
  readonly periodSeconds: number
  readonly timeoutSeconds: number
  readonly failureThreshold: number
  readonly successThreshold: number
}

export interface ContainerSpec {
  readonly name: string
  /** e.g. `demos/queuereader:v1`. */
  readonly image: string
  readonly command: readonly string[]
  readonly args: readonly string[]
  readonly variables: readonly Variable[]
  readonly probes: readonly Probe[]
  /** Where volumes of secrets are mounted: a file for each secret, or for those named. */
  readonly secretMounts: readonly {
    readonly path: string
    readonly secrets: readonly { readonly name: string; readonly file: string }[]
  }[]
  /** Cores, and bytes of memory. */
  readonly cpu: number
  readonly memoryBytes: number
}

export interface ScaleRule {
  readonly name: string
  readonly type: 'http' | 'tcp' | 'azure-queue' | 'custom'
  /** For `custom`: the scaler, e.g. `cpu`. */
  readonly customType?: string
  readonly metadata: Readonly<Record<string, string>>
  readonly auth: readonly { readonly secretRef: string; readonly triggerParameter: string }[]
  readonly identity?: string
}

/** A component of the environment, as its sidecars get it. */
export interface DaprComponent {
  readonly name: string
  /** e.g. `state.azure.blobstorage`. */
  readonly componentType: string
  readonly version: string
  readonly ignoreErrors: boolean
  readonly initTimeout?: string
  readonly secrets: readonly AppSecret[]
  readonly secretStoreComponent?: string
  readonly metadata: readonly Variable[]
  /** Ids of the Dapr apps that see it; empty: all. */
  readonly scopes: readonly string[]
}

export interface DaprSpec {
  readonly appId: string
  readonly appPort?: number
  readonly appProtocol: 'http' | 'grpc'
  readonly logLevel: 'info' | 'debug' | 'warn' | 'error'
  readonly enableApiLogging: boolean
  /** In MiB. */
  readonly httpMaxRequestSize?: number
  /** In KiB. */
  readonly httpReadBufferSize?: number
  /** Those that the app sees by their scopes. */
  readonly components: readonly DaprComponent[]
}

/** Where a replica of the app belongs, for its names, variables and log rows. */
export interface AppPlace {
  /** Resource id of the app. */
  readonly appId: string
  readonly appName: string
  readonly environmentId: string
  readonly environmentName: string
  /** `REGION.azurecontainerapps.io` with the environment's unique name before it. */
  readonly defaultDomain: string
  /** The log workspace's customer id; absent: the environment keeps no logs. */
  readonly workspaceId?: string
}

/** Everything that one revision is run with. What differs from what runs under this name replaces it, replica by replica. */
export interface RevisionSpec {
  /** `APP--SUFFIX`. */
  readonly name: string
  readonly place: AppPlace
  readonly containers: readonly ContainerSpec[]
  readonly initContainers: readonly ContainerSpec[]
  readonly secrets: readonly AppSecret[]
  /** Resource ids of the identities its replicas can get tokens for; the app's own id stands for its system-assigned one. */
  readonly identities: readonly string[]
  readonly dapr?: DaprSpec
  /** Absent without ingress. */
  readonly targetPort?: number
  readonly scale: {
    readonly minReplicas: number
    readonly maxReplicas: number
    readonly pollingInterval: number
    readonly cooldownPeriod: number
    readonly rules: readonly ScaleRule[]
  }
  readonly terminationGracePeriodSeconds: number
}

/** What of a running revision reads anew only when it restarts is handed over without one by {@link Platform.refresh}. */
export type RevisionRefresh = Pick<RevisionSpec, 'secrets' | 'identities'>

export type RunningState = 'Processing' | 'Running' | 'Degraded' | 'Failed' | 'ScaledToZero' | 'Stopped'

export interface ContainerStatus {
  readonly name: string
  readonly ready: boolean
  readonly started: boolean
  readonly restartCount: number
  readonly runningState: 'Running' | 'Terminated' | 'Waiting'
  /** Why it waits or ended, for a person. */
  readonly runningStateDetails?: string
}

export interface ReplicaStatus {
  /** `REVISION-HASH-RANDOM`. */
  readonly name: string
  /** Milliseconds since the epoch. */
  readonly createdAt: number
  readonly runningState: 'Running' | 'NotRunning' | 'Unknown'
  readonly runningStateDetails?: string
  /** The sidecar is one of them, named `daprd`. */
  readonly containers: readonly ContainerStatus[]
  /** Where its app listens: `http://127.0.0.1:PORT`. Absent until it is ready, and without ingress. */
  readonly address?: string
}

export interface RevisionStatus {
  readonly name: string
  readonly appId: string
  readonly runningState: RunningState
  /** Why it failed or is degraded: what a person can act on, with the sidecar's line when that is why. */
  readonly details?: string
  readonly replicas: readonly ReplicaStatus[]
}

/** One line of a container's output or of the platform's own events. */
export interface LogLine {
  /** Milliseconds since the epoch. */
  readonly time: number
  readonly stream: 'stdout' | 'stderr'
  readonly text: string
}

export interface SystemEvent {
  readonly time: number
  readonly type: 'Normal' | 'Warning'
  /** e.g. `RevisionReady`, `ContainerTerminated`, `ProbeFailed`. */
  readonly reason: string
  readonly message: string
  readonly revision?: string
  readonly replica?: string
  readonly count: number
}

/** How requests from outside and from other apps reach an app. */
export interface IngressSpec {
  readonly place: AppPlace
  /** Reached from outside of the environment as well. */
  readonly external: boolean
  readonly transport: 'auto' | 'http' | 'http2' | 'tcp'
  /** Whether plain HTTP is answered; otherwise it is redirected to HTTPS. */
  readonly allowInsecure: boolean
  readonly stickySessions: boolean
  /** Weights in percent; together 100. A label gives its revision a name of its own: `APP---LABEL.DOMAIN`. */
  readonly traffic: readonly { readonly revision: string; readonly weight: number; readonly label?: string }[]
  readonly cors?: {
    readonly allowedOrigins: readonly string[]
    readonly allowedMethods: readonly string[]
    readonly allowedHeaders: readonly string[]
    readonly exposeHeaders: readonly string[]
    /** In seconds. */
    readonly maxAge?: number
    readonly allowCredentials: boolean
  }
  readonly ipRestrictions: readonly {
    readonly name: string
    /** CIDR. All rules of an app have one action. */
    readonly ipAddressRange: string
    readonly action: 'Allow' | 'Deny'
  }[]
}

export interface Platform {
  /** Begins or replaces the routes of an app. Requests wait for a replica of a revision that is scaled to zero. */
  route(ingress: IngressSpec): void
  unroute(appId: string): void
  /** Begins or replaces a revision; what comes of it is told by `onStatus`. The same spec again changes nothing. */
  run(revision: RevisionSpec): void
  /** New values that take effect when a replica next starts. Unknown revisions are ignored. */
  refresh(appId: string, revision: string, values: RevisionRefresh): void
  /** Replaces every replica by a new one, the new one ready before the old one goes. */
  restart(appId: string, revision: string): Promise<void>
  /** Resolves once nothing of it runs. An unknown one is stopped already. */
  stop(appId: string, revision: string): Promise<void>
  status(appId: string, revision: string): RevisionStatus | undefined
  /** Answers how to stop listening. */
  onStatus(listener: (status: RevisionStatus) => void): () => void
  /** The last `tail` lines (at most 300) of one container, then, with `follow`, what comes until `signal`. */
  consoleLog(options: {
    readonly appId: string
    readonly revision: string
    readonly replica: string
    readonly container: string
    readonly tail: number
    readonly follow: boolean
    readonly signal: AbortSignal
  }): AsyncIterable<LogLine>
  /** The same for the events of an app. */
  systemLog(options: {
    readonly appId: string
    readonly tail: number
    readonly follow: boolean
    readonly signal: AbortSignal
  }): AsyncIterable<SystemEvent>
  close(): Promise<void>
}
