/** The sidecar's options, decided from flags and environment as daprd decides them. */
import { type LogLevel, parseLogLevel } from '../log/logger.ts'
import { defaultSecretStore } from '../runtime/kubernetes-mode.ts'
import { type FlagDefinition, type FlagName, flagDefinitions } from './flags.ts'
import { parseGoDuration } from './go-duration.ts'
import { type ParsedFlags, parseGoBool } from './parse-flags.ts'
import { parseQuantity } from './quantity.ts'

/** A value that daprd refuses before its logger is set up: `Failed to parse flags: …`. */
export class OptionsError extends Error {
  override readonly name = 'OptionsError'
}

/** A value that daprd refuses when the runtime starts: `Fatal error from runtime: …`. */
export class RuntimeOptionsError extends Error {
  override readonly name = 'RuntimeOptionsError'
}

export type AppProtocol = 'http' | 'https' | 'grpc' | 'grpcs' | 'h2c'

export interface AppHealthCheckOptions {
  readonly path: string
  readonly intervalMs: number
  readonly timeoutMs: number
  readonly threshold: number
}

/** Everything the runtime needs to know; ports are numbers, sizes bytes, durations milliseconds. */
export interface SidecarOptions {
  readonly appId: string
  readonly mode: string
  readonly namespace: string
  readonly podName: string
  readonly environment: Readonly<Record<string, string | undefined>>
  /** Of a resource that names none; empty: none. */
  readonly defaultSecretStore: string
  readonly disableBuiltinSecretStore: boolean
  readonly resourcesPaths: readonly string[]
  readonly configPaths: readonly string[]
  readonly httpPort: number
  readonly grpcPort: number
  /** 0: any that is free. */
  readonly internalGrpcPort: number
  readonly internalGrpcListenAddress: string
  readonly listenAddresses: readonly string[]
  readonly publicPort: number | undefined
  readonly publicListenAddress: string
  readonly unixDomainSocket: string
  readonly appPort: number
  readonly appChannelAddress: string
  readonly appProtocol: AppProtocol
  readonly appSsl: boolean
  readonly appMaxConcurrency: number
  readonly appHealthCheck: AppHealthCheckOptions | undefined
  readonly metricsEnabled: boolean
  readonly metricsPort: string
  readonly metricsListenAddress: string
  readonly maxBodyBytes: number
  readonly readBufferBytes: number
  readonly allowedOrigins: string
  readonly apiToken: string
  /** What the app is sent, so that it can tell its sidecar; empty for none. */
  readonly appApiToken: string
  /** What the app is not asked at start: `config`, `subscribe`. */
  readonly disabledInitEndpoints: readonly string[]
  /** How often components are compared with their files, besides when these change. */
  readonly reconcileIntervalMs: number
  /** Undefined: the configuration decides. */
  readonly apiLogging: boolean | undefined
  /** 0: no limit. */
  readonly gracefulShutdownMs: number
  readonly blockShutdownMs: number | undefined
  readonly logCompat: '1.10' | undefined
  /** One sentence for each flag in use that the sidecar does not act on yet. */
  readonly unsupported: readonly string[]
}

export interface LogOptions {
  /** As given, for the line that tells it. */
  readonly levelText: string
  readonly level: LogLevel | undefined
  readonly json: boolean
  readonly file: string
}

export function readLogOptions(flags: ParsedFlags): LogOptions {
  const levelText = flags.text('log-level')
  return {
    levelText,
    level: parseLogLevel(levelText),
    json: parseGoBool(flags.text('log-as-json')) ?? false,
    file: flags.text('log-file'),
  }
}

export interface Sizes {
  readonly maxBodyBytes: number
  readonly readBufferBytes: number
}

/** Throws {@link OptionsError}. */
export function readSizes(flags: ParsedFlags): Sizes {
  return {
    maxBodyBytes: size(flags, 'max-body-size', 'dapr-http-max-request-size', 20, 4 << 20),
    readBufferBytes: size(flags, 'read-buffer-size', 'dapr-http-read-buffer-size', 10, 4 << 10),
  }
}

/** Throws {@link RuntimeOptionsError}. */
export function readSidecarOptions(
  flags: ParsedFlags,
  sizes: Sizes,
  environment: Readonly<Record<string, string | undefined>>,
): SidecarOptions {
  const appId = flags.text('app-id')
  const mode = flags.text('mode')
  if (mode === 'standalone') {
    if (appId === '') throw new RuntimeOptionsError('parameter app-id cannot be empty')
    if (appId.includes('.')) throw new RuntimeOptionsError('parameter app-id cannot contain dots')
  }
  const httpPort = port(flags, 'dapr-http-port', 'dapr-http-port flag')
  const grpcPort = port(flags, 'dapr-grpc-port', 'dapr-grpc-port flag')
  port(flags, 'profile-port', 'profile-port flag')
  const internal = flags.text('dapr-internal-grpc-port')
  const internalGrpcPort = internal === '' ? 0 : port(flags, 'dapr-internal-grpc-port', 'dapr-internal-grpc-port')
  const publicPort =
    flags.text('dapr-public-port') === '' ? undefined : port(flags, 'dapr-public-port', 'dapr-public-port')
  const appPort = flags.text('app-port') === '' ? 0 : port(flags, 'app-port', 'app-port')
  if (appPort === httpPort) {
    throw new RuntimeOptionsError(`the 'dapr-http-port' argument value ${httpPort} conflicts with 'app-port'`)
  }
  if (appPort === grpcPort) {
    throw new RuntimeOptionsError(`the 'dapr-grpc-port' argument value ${grpcPort} conflicts with 'app-port'`)
  }
  const graceful = integer(flags, 'dapr-graceful-shutdown-seconds')
  const concurrency = integer(flags, 'app-max-concurrency')
  for (const endpoint of flags.list('disable-init-endpoints')) {
    const name = endpoint.trim().toLowerCase()
    if (name !== '' && name !== 'config' && name !== 'subscribe') {
      throw new RuntimeOptionsError(`invalid value for 'disable-init-endpoints': ${name}`)
    }
  }
  const resources = flags.list('resources-path')
  const componentsPath = flags.text('components-path')
  const compat = flags.text('log-compat')
  if (compat !== '' && compat !== '1.10') {
    throw new RuntimeOptionsError(`invalid value for 'log-compat': ${compat}`)
  }
  return {
    appId,
    mode,
    namespace: environment['NAMESPACE'] ?? '',
    podName: environment['POD_NAME'] ?? '',
    environment,
    defaultSecretStore: defaultSecretStore(mode),
    disableBuiltinSecretStore: parseGoBool(flags.text('disable-builtin-k8s-secret-store')) === true,
    resourcesPaths: resources.length === 0 && componentsPath !== '' ? [componentsPath] : resources,
    configPaths: flags.list('config'),
    httpPort,
    grpcPort,
    internalGrpcPort,
    internalGrpcListenAddress: flags.text('dapr-internal-grpc-listen-address'),
    listenAddresses: flags.text('dapr-listen-addresses').split(','),
    publicPort,
    publicListenAddress: flags.text('dapr-public-listen-address'),
    unixDomainSocket: flags.text('unix-domain-socket'),
    appPort,
    appChannelAddress: flags.text('app-channel-address'),
    ...appProtocol(flags),
    appMaxConcurrency: concurrency === -1 ? 0 : concurrency,
    appHealthCheck: appHealthCheck(flags),
    metricsEnabled: parseGoBool(flags.text('enable-metrics')) ?? true,
    metricsPort: flags.text('metrics-port'),
    metricsListenAddress: flags.text('metrics-listen-address'),
    maxBodyBytes: sizes.maxBodyBytes === -1 ? 4 << 20 : sizes.maxBodyBytes,
    readBufferBytes: sizes.readBufferBytes === -1 ? 4 << 10 : sizes.readBufferBytes,
    allowedOrigins: flags.text('allowed-origins'),
    apiToken: environment['DAPR_API_TOKEN'] ?? '',
    disabledInitEndpoints: flags.list('disable-init-endpoints').map((name) => name.trim().toLowerCase()),
    appApiToken: environment['APP_API_TOKEN'] ?? '',
    reconcileIntervalMs: parseGoDuration(flags.text('hot-reload-reconcile-interval')) || 60_000,
    apiLogging: flags.changed('enable-api-logging') ? parseGoBool(flags.text('enable-api-logging')) : undefined,
    gracefulShutdownMs: graceful < 0 ? 5000 : graceful * 1000,
    blockShutdownMs: flags.changed('dapr-block-shutdown-duration')
      ? (parseGoDuration(flags.text('dapr-block-shutdown-duration')) ?? 0)
      : undefined,
    logCompat: compat === '1.10' ? compat : undefined,
    unsupported: unsupported(flags),
  }
}

function appHealthCheck(flags: ParsedFlags): AppHealthCheckOptions | undefined {
  const interval = integer(flags, 'app-health-probe-interval')
  const timeout = integer(flags, 'app-health-probe-timeout')
  const threshold = integer(flags, 'app-health-threshold')
  const intervalMs = interval <= 0 ? 5000 : interval * 1000
  const timeoutMs = timeout <= 0 ? 500 : timeout
  if (timeoutMs > intervalMs) {
    throw new RuntimeOptionsError("value for 'health-probe-timeout' must be smaller than 'health-probe-interval'")
  }
  if (parseGoBool(flags.text('enable-app-health-check')) !== true) return undefined
  return {
    path: flags.text('app-health-check-path'),
    intervalMs,
    timeoutMs,
    threshold: threshold < 1 || threshold >= 2 ** 31 - 1 ? 3 : threshold,
  }
}

function appProtocol(flags: ParsedFlags): { appProtocol: AppProtocol; appSsl: boolean } {
  const given = flags.text('app-protocol')
  const tls = parseGoBool(flags.text('app-ssl')) === true
  const protocol = given.toLowerCase()
  switch (protocol) {
    case '':
      return { appProtocol: 'http', appSsl: false }
    case 'http':
      return { appProtocol: tls ? 'https' : 'http', appSsl: tls }
    case 'grpc':
      return { appProtocol: tls ? 'grpcs' : 'grpc', appSsl: tls }
    case 'https':
    case 'grpcs':
    case 'h2c':
      return { appProtocol: protocol, appSsl: false }
    default:
      throw new RuntimeOptionsError(`invalid value for 'app-protocol': ${given}`)
  }
}

function port(flags: ParsedFlags, name: FlagName, shown: string): number {
  const text = flags.text(name)
  if (!/^[+-]?\d+$/.test(text)) {
    throw new RuntimeOptionsError(`error parsing ${shown}: strconv.Atoi: parsing "${text}": invalid syntax`)
  }
  return Number(text)
}

function integer(flags: ParsedFlags, name: FlagName): number {
  return Number(flags.text(name))
}

function size(flags: ParsedFlags, name: FlagName, old: FlagName, shift: number, fallback: number): number {
  if (flags.changed(name)) {
    const parsed = parseQuantity(flags.text(name))
    if ('error' in parsed) throw new OptionsError(`invalid value for '${name}' option: ${parsed.error}`)
    return parsed.bytes
  }
  if (flags.changed(old)) {
    const amount = integer(flags, old)
    return amount > 0 ? amount * 2 ** shift : amount
  }
  return fallback
}

function unsupported(flags: ParsedFlags): string[] {
  const sentences: string[] = []
  for (const [name, definition] of Object.entries<FlagDefinition>(flagDefinitions)) {
    const flag = name as FlagName
    if (definition.unsupported === undefined || !flags.changed(flag)) continue
    // A flag set to the value it has anyway asks for nothing.
    if (definition.kind !== 'stringSlice' && flags.text(flag) === definition.default) continue
    sentences.push(`--${name} is accepted and has no effect: ${definition.unsupported}`)
  }
  return sentences
}
