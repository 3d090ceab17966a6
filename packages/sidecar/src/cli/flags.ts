/** daprd's command-line flags (cmd/daprd/options/options.go), and the two of ours. */

export type FlagKind = 'string' | 'bool' | 'int' | 'uint' | 'duration' | 'stringSlice'

export interface FlagDefinition {
  readonly kind: FlagKind
  /** As typed on a command line; a slice's is empty. */
  readonly default: string
  readonly usage: string
  /** What pflag says on stderr when the flag is used. */
  readonly deprecated?: string
  readonly hidden?: true
  /** What the sidecar does not do yet; said once in the log when the flag is used with a value that asks for it. */
  readonly unsupported?: string
}

const text = (value: string, usage: string, more: Partial<FlagDefinition> = {}): FlagDefinition => ({
  kind: 'string',
  default: value,
  usage,
  ...more,
})
const bool = (value: boolean, usage: string, more: Partial<FlagDefinition> = {}): FlagDefinition => ({
  kind: 'bool',
  default: String(value),
  usage,
  ...more,
})
const int = (value: number, usage: string, more: Partial<FlagDefinition> = {}): FlagDefinition => ({
  kind: 'int',
  default: String(value),
  usage,
  ...more,
})
const list = (usage: string, more: Partial<FlagDefinition> = {}): FlagDefinition => ({
  kind: 'stringSlice',
  default: '',
  usage,
  ...more,
})

const actors = 'actors are not served yet'
const scheduler = 'jobs and workflows are not served yet'
const mtls = 'mutual TLS between sidecars is not served yet'
const controlPlane = 'a Dapr control plane is not used yet'

export const flagDefinitions = {
  'actors-disseminate-timeout': {
    kind: 'duration',
    default: '30s',
    usage: 'Timeout of a round of actor placement',
    unsupported: actors,
  },
  'actors-service': text('', 'Type and address of the actors service', {
    hidden: true,
    deprecated: 'flag no longer has any effect',
  }),
  'allowed-origins': text('', 'Allowed HTTP origins'),
  'app-binding-options-timeout': {
    kind: 'duration',
    default: '3s',
    usage: 'Timeout of asking the app for its input bindings',
    unsupported: 'input bindings are not served yet',
  },
  'app-channel-address': text('127.0.0.1', 'The network address the application listens on'),
  'app-health-check-path': text('/healthz', 'Path of the app health check; HTTP only'),
  'app-health-probe-interval': int(5, 'Seconds between two probes of the app'),
  'app-health-probe-timeout': int(500, 'Milliseconds before a probe of the app times out'),
  'app-health-threshold': int(3, 'Failed probes in a row before the app counts as unhealthy'),
  'app-id': text('', 'A unique ID for the application'),
  'app-max-concurrency': int(-1, 'Calls to the app at one time; -1 for no limit'),
  'app-port': text('', 'The port the application listens on'),
  'app-protocol': text('http', 'Protocol of the application: grpc, grpcs, http, https, h2c'),
  'app-ssl': bool(false, 'The app is reached over TLS', { deprecated: "use '--app-protocol https|grpcs'" }),
  'build-info': bool(false, 'Prints the build info'),
  'components-path': text('', 'Alias for --resources-path', { deprecated: 'use --resources-path' }),
  config: list('Path of a configuration file; may be given several times'),
  'control-plane-address': text('', 'Address of a Dapr control plane', { unsupported: controlPlane }),
  'control-plane-namespace': text('default', 'Namespace of the Dapr control plane'),
  'control-plane-trust-domain': text('localhost', 'Trust domain of the Dapr control plane'),
  'dapr-block-shutdown-duration': {
    kind: 'duration',
    default: '0s',
    usage: 'How long shutdown is held back after a termination signal, or until the app reports unhealthy',
  },
  'dapr-graceful-shutdown-seconds': int(5, 'Graceful shutdown time in seconds'),
  'dapr-grpc-port': text('50001', 'gRPC port of the Dapr API'),
  'dapr-http-max-request-size': int(4, 'Max size of a request body in MB', {
    deprecated: "use '--max-body-size 4Mi'",
  }),
  'dapr-http-port': text('3500', 'HTTP port of the Dapr API'),
  'dapr-http-read-buffer-size': int(4, 'Max size of the request headers in KB', {
    deprecated: "use '--read-buffer-size 4Ki'",
  }),
  'dapr-internal-grpc-listen-address': text('', 'Listen address of the internal gRPC API'),
  'dapr-internal-grpc-port': text('', 'gRPC port of the internal API'),
  'dapr-listen-addresses': text('', 'Addresses the Dapr API listens on, separated by commas'),
  'dapr-public-listen-address': text('', 'Listen address of the public health and metadata port'),
  'dapr-public-port': text('', 'Public port of health and metadata'),
  'disable-builtin-k8s-secret-store': bool(false, 'Do not load the built-in Kubernetes secret store'),
  'disable-init-endpoints': list('Initialization endpoints not to call: config, subscribe'),
  'enable-api-logging': bool(false, 'Log the calls of the API'),
  'enable-app-health-check': bool(false, 'Probe the health of the application'),
  'enable-metrics': bool(true, 'Serve Prometheus metrics'),
  'enable-mtls': bool(false, 'Mutual TLS between sidecars', { unsupported: mtls }),
  'enable-profiling': bool(false, 'Serve profiles', { unsupported: 'profiles are not served' }),
  'hot-reload-reconcile-interval': {
    kind: 'duration',
    default: '0s',
    usage: 'Period of the reconcile that backs up hot reload',
  },
  'log-as-json': bool(false, 'Print log lines as JSON'),
  'log-compat': text('', 'Ours: also print the log lines of an older release; 1.10 is known'),
  'log-file': text('', 'Path of a file where logs are written'),
  'log-level': text('info', 'debug, info, warn, error or fatal'),
  'max-body-size': text('4Mi', 'Max size of a request body, as a resource quantity'),
  'metrics-listen-address': text('0.0.0.0', 'The address of the metrics server'),
  'metrics-port': text('9090', 'The port of the metrics server'),
  mode: text('standalone', 'Runtime mode of Dapr'),
  'placement-host-address': text('', 'Addresses of actor placement servers', { unsupported: actors }),
  'profile-port': text('7777', 'The port of the profile server'),
  'read-buffer-size': text('4Ki', 'Max size of the request headers, as a resource quantity'),
  'reminders-service': text('', 'Type and address of the reminders service', {
    hidden: true,
    deprecated: 'flag no longer has any effect',
  }),
  'resources-path': list('Folder of resource files; may be given several times'),
  'scheduler-host-address': list('Addresses of the scheduler service', { unsupported: scheduler }),
  'scheduler-job-streams': {
    kind: 'uint',
    default: '3',
    usage: 'Job streams to the scheduler',
    unsupported: scheduler,
  },
  'sentry-address': text('', 'Address of the Sentry CA service', { unsupported: mtls }),
  'sentry-request-jwt-audiences': list('JWT audiences of certificate requests', { unsupported: mtls }),
  'unix-domain-socket': text('', 'Folder of unix domain sockets for the API servers'),
  version: bool(false, 'Prints the runtime version'),
  wait: bool(false, 'Wait until the sidecar is ready for outbound calls'),
} as const satisfies Readonly<Record<string, FlagDefinition>>

export type FlagName = keyof typeof flagDefinitions

export function isFlagName(name: string): name is FlagName {
  return Object.hasOwn(flagDefinitions, name)
}
