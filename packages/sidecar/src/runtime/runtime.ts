/** The sidecar's life, from its options to its last log line, in daprd's order. */
import { rmSync } from 'node:fs'
import type { Server } from 'node:http'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import type { ComponentRegistry } from '@keystead/components'
import { formatGoDuration } from '../cli/go-duration.ts'
import type { SidecarOptions } from '../cli/options.ts'
import { monotonicMs } from '../clock.ts'
import { createCors } from '../http/cors.ts'
import { invokeRoute } from '../http/invoke-route.ts'
import { listenOn } from '../http/listen.ts'
import { isRouteAllowed } from '../http/route.ts'
import { secretsRoutes } from '../http/secrets-routes.ts'
import { createApiServer } from '../http/server.ts'
import { stateRoutes } from '../http/state-routes.ts'
import { publicRoutes, type SystemApi, shutdownRoute } from '../http/system-routes.ts'
import { unservedRoutes } from '../http/unserved-routes.ts'
import type { Invocation } from '../invocation/invocation.ts'
import type { NameResolver } from '../invocation/name-resolution.ts'
import { type Component, logName } from '../loading/component.ts'
import {
  type Configuration,
  ConfigurationError,
  defaultConfiguration,
  loadConfiguration,
} from '../loading/configuration.ts'
import { LoadError, loadComponents, warnOthers } from '../loading/load-components.ts'
import { type ResourceFolder, ResourcePathError, readResourceFolder } from '../loading/resource-files.ts'
import type { Logger, LogOutput } from '../log/logger.ts'
import { ComponentMetrics } from '../metrics/component-metrics.ts'
import { ErrorCodeMetrics } from '../metrics/error-code-metrics.ts'
import { GrpcMetrics } from '../metrics/grpc-metrics.ts'
import { defaultLatencyBuckets } from '../metrics/histogram.ts'
import { HttpMetrics } from '../metrics/http-metrics.ts'
import { InvocationMetrics } from '../metrics/invocation-metrics.ts'
import { createPathMatcher } from '../metrics/path-matching.ts'
import { ResiliencyMetrics } from '../metrics/resiliency-metrics.ts'
import { type MetricsServer, startMetricsServer } from '../metrics/server.ts'
import { createPipeline } from '../middleware/pipeline.ts'
import type { Resiliency } from '../resiliency/resiliency.ts'
import type { Tracer } from '../tracing/tracer.ts'
import { type AppHealth, probeApp } from './app-health.ts'
import { waitForApp } from './app-port.ts'
import { ComponentStore } from './component-store.ts'
import { errorText } from './error-text.ts'
import { createGrpcServers, type GrpcServers } from './grpc-servers.ts'
import { createHealth } from './health.ts'
import { builtinSecretStore, operatorNotice, rootRefusal } from './kubernetes-mode.ts'
import { goListenError, listenPatiently, listenTarget } from './listening.ts'
import { createMetadataApi } from './metadata.ts'
import { bodiesOf, loadHttpEndpoints, loadResiliency } from './other-resources.ts'
import { createProcessor, ProcessError, type Processor } from './processor.ts'
import { createSecretsApi } from './secrets.ts'
import { createStateApi } from './state.ts'

/** What ends the sidecar with `Fatal error from runtime: …` and exit code 1. */
export class RuntimeError extends Error {
  override readonly name = 'RuntimeError'
}

export interface RuntimeDependencies {
  readonly output: LogOutput
  readonly registry: ComponentRegistry
  /** Called when the grace period is over; must end the process. */
  readonly onGraceExceeded: () => void
  /** Called for a forced shutdown over the API; must end the process. */
  readonly onForcedShutdown: () => void
}

export interface Runtime {
  /** The ports in use, known once {@link run} listens. */
  readonly ports: {
    readonly http: number
    readonly grpc: number
    readonly internalGrpc: number
    readonly metrics: number
  }
  readonly ready: Promise<void>
  /** Until shutdown is complete; tells whether another runtime is to follow. Rejects with {@link RuntimeError}. */
  run(): Promise<'end' | 'reload'>
  /** Begins a graceful shutdown. */
  stop(): void
  /** The same, to begin anew with what the files have now. */
  reload(): void
}

/** A runtime that has not started. Throws {@link RuntimeError} for a configuration that cannot be had. */
export function createRuntime(options: SidecarOptions, dependencies: RuntimeDependencies): Runtime {
  return new DaprRuntime(options, dependencies)
}

const unservedKinds = ['Subscription', 'WorkflowAccessPolicy', 'MCPServer'] as const
const drainBudget = 10_000
const defaultSamplingRate = 0.0001

class DaprRuntime implements Runtime {
  readonly #options: SidecarOptions
  readonly #dependencies: RuntimeDependencies
  readonly #configuration: Configuration
  readonly #log: Logger
  readonly #httpLog: Logger
  readonly #components = new ComponentStore()
  readonly #componentMetrics: ComponentMetrics
  readonly #httpMetrics: HttpMetrics | undefined
  readonly #grpcMetrics: GrpcMetrics | undefined
  readonly #health = createHealth()
  readonly #outboundHealth = createHealth()
  readonly #stopping = new AbortController()
  readonly #stopRequested = Promise.withResolvers<void>()
  readonly #readiness = Promise.withResolvers<void>()
  readonly #servers: { readonly server: Server; readonly name: string }[] = []
  readonly #socketFiles: string[] = []
  readonly #invocationMetrics: InvocationMetrics | undefined
  readonly #resiliencyMetrics: ResiliencyMetrics | undefined
  readonly #errorCodes: ErrorCodeMetrics | undefined
  readonly #processor: Processor
  #folders: readonly ResourceFolder[]
  #resiliency: Resiliency | undefined
  #resiliencyNames: readonly string[] = []
  #invocation: Promise<Invocation> | undefined
  #resolver: Promise<NameResolver> | undefined
  #appHealth: AppHealth | undefined
  #reloadFailure: unknown
  #tracer: Tracer | undefined
  #otherResources = ''
  readonly #strayConfigurations = new Map<string, string>()
  #reloading = false
  #metricsServer: MetricsServer | undefined
  #grpcServers: GrpcServers | undefined
  #httpPort = 0

  constructor(options: SidecarOptions, dependencies: RuntimeDependencies) {
    this.#options = options
    this.#dependencies = dependencies
    this.#log = dependencies.output.scope('dapr.runtime')
    this.#httpLog = dependencies.output.scope('dapr.runtime.http')
    this.#readiness.promise.catch(() => undefined)
    dependencies.output
      .scope('dapr.runtime.security')
      .warn('mTLS is disabled. Skipping certificate request and tls validation')
    if (options.appSsl) {
      this.#log.warn(`The 'app-ssl' flag is deprecated; use 'app-protocol=${options.appProtocol}' instead`)
    }
    this.#configuration = this.#loadConfiguration()
    const { latencyBuckets } = this.#configuration
    const buckets = latencyBuckets.length > 0 ? latencyBuckets : defaultLatencyBuckets
    this.#componentMetrics = new ComponentMetrics(options.appId, options.namespace, buckets)
    this.#httpMetrics = this.#createHttpMetrics(buckets)
    this.#grpcMetrics = this.#configuration.metricsEnabled ? new GrpcMetrics(options.appId, buckets) : undefined
    this.#invocationMetrics = this.#configuration.metricsEnabled
      ? new InvocationMetrics(options.appId, buckets)
      : undefined
    this.#resiliencyMetrics = this.#configuration.metricsEnabled ? new ResiliencyMetrics(options.appId) : undefined
    this.#errorCodes =
      this.#configuration.metricsEnabled && this.#configuration.recordErrorCodes
        ? new ErrorCodeMetrics(options.appId)
        : undefined
    this.#folders = this.#readFolders()
    this.#processor = createProcessor({
      registry: dependencies.registry,
      components: this.#components,
      metrics: this.#componentMetrics,
      output: dependencies.output,
      appId: options.appId,
      podName: options.podName,
      namespace: options.environment['NAMESPACE'] ?? 'default',
      environment: options.environment,
      oldLoadedLine: options.logCompat === '1.10',
      // With neither policies nor a way to get them later, calls go straight to the store.
      policies:
        this.#hasPolicies() || this.#followsFiles()
          ? (name, kind) => this.#resiliency?.component(name, kind)
          : undefined,
      signal: this.#stopping.signal,
    })
  }

  #hasPolicies(): boolean {
    return this.#folders.some(({ files }) =>
      files.some(({ documents }) => documents.some(({ kind }) => kind === 'Resiliency')),
    )
  }

  /** Hot reload is on unless a feature turns it off. */
  #followsFiles(): boolean {
    return this.#options.resourcesPaths.length > 0 && !this.#configuration.disabledFeatures.includes('HotReload')
  }

  get ports() {
    return {
      http: this.#httpPort,
      grpc: this.#grpcServers?.apiPort ?? 0,
      internalGrpc: this.#grpcServers?.internalPort ?? 0,
      metrics: this.#metricsServer?.port ?? 0,
    }
  }

  get ready() {
    return this.#readiness.promise
  }

  stop(): void {
    this.#stopRequested.resolve()
  }

  reload(): void {
    this.#reloading = true
    this.#stopping.abort()
  }

  async run(): Promise<'end' | 'reload'> {
    const { gracefulShutdownMs } = this.#options
    if (gracefulShutdownMs === 0) {
      this.#log.warn('Graceful shutdown timeout is infinite, will wait indefinitely to shutdown')
    }
    void this.#stopRequested.promise.then(() => this.#holdBack()).then(() => this.#stopping.abort())
    let failure: unknown
    try {
      await this.#start()
      this.#readiness.resolve()
      await aborted(this.#stopping.signal)
      if (this.#reloadFailure !== undefined) throw this.#reloadFailure
    } catch (error) {
      failure = error
      this.#readiness.reject(error)
      this.#stopping.abort()
    }
    const grace =
      gracefulShutdownMs > 0
        ? setTimeout(() => {
            this.#log.fatal('Graceful shutdown timeout exceeded, forcing shutdown')
            this.#dependencies.onGraceExceeded()
          }, gracefulShutdownMs)
        : undefined
    try {
      await this.#shutDown()
    } finally {
      clearTimeout(grace)
    }
    if (failure !== undefined) throw failure
    return this.#reloading ? 'reload' : 'end'
  }

  #loadConfiguration(): Configuration {
    const { configPaths, environment } = this.#options
    let configuration = defaultConfiguration
    if (configPaths.length === 0) this.#log.info('loading default configuration')
    else {
      this.#log.debug(`Loading config from file(s): ${configPaths.join(', ')}`)
      try {
        configuration = loadConfiguration(configPaths, environment)
      } catch (error) {
        if (!(error instanceof ConfigurationError)) throw error
        throw new RuntimeError(`error loading configuration: ${error.message}`)
      }
    }
    if (configuration.enabledFeatures.length > 0) {
      this.#log.info(`Enabled features: ${configuration.enabledFeatures.join(' ')}`)
    }
    for (const name of configuration.unsupported) {
      this.#log.warn(`The configuration's ${name} is accepted and has no effect: it is not implemented yet`)
    }
    for (const sentence of this.#options.unsupported) this.#log.warn(sentence)
    return configuration
  }

  #createHttpMetrics(buckets: readonly number[]): HttpMetrics | undefined {
    const { metricsEnabled, increasedCardinality, excludeVerbs, pathMatching } = this.#configuration
    if (!metricsEnabled) return undefined
    if (increasedCardinality !== undefined) {
      const spec = { enabled: metricsEnabled, http: { increasedCardinality, excludeVerbs } }
      this.#log.info(`metric spec: ${JSON.stringify(spec)}`)
    } else {
      this.#dependencies.output
        .scope('dapr.runtime.diagnostics')
        .warn(
          "The default value for 'spec.metric.http.increasedCardinality' will change to 'false' in Dapr 1.15 or later",
        )
    }
    return new HttpMetrics(this.#options.appId, {
      buckets,
      withPath: increasedCardinality ?? true,
      pathOf: pathMatching.length > 0 ? createPathMatcher(pathMatching, increasedCardinality ?? true) : undefined,
      withVerb: !excludeVerbs,
    })
  }

  #readFolders(): readonly ResourceFolder[] {
    const folders = this.#options.resourcesPaths.map((path) => {
      try {
        return readResourceFolder(path)
      } catch (error) {
        if (!(error instanceof ResourcePathError)) throw error
        const reason = error.message.slice(error.message.indexOf(': ') + 2)
        throw new RuntimeError(`failed to create watcher: failed to add target ${path}: ${reason}`)
      }
    })
    for (const folder of folders) {
      for (const name of folder.others) {
        this.#log.warn(`A non-YAML resiliency file ${name} was detected, it will not be loaded`)
      }
      for (const { errors } of folder.files) {
        for (const error of errors) this.#log.error(`Could not determine resource type: ${error}`)
      }
    }
    return folders
  }

  async #start(): Promise<void> {
    const start = monotonicMs()
    const { mode, appId } = this.#options
    if (mode === 'kubernetes') this.#enterCluster()
    else if (mode !== 'standalone') throw new RuntimeError(`invalid mode: ${mode}`)
    const runtimeReady = this.#health.target('runtime')
    this.#log.info(`${mode} mode configured`)
    this.#log.info(`app id: ${appId}`)
    await this.#startMetrics()
    await this.#startTracing()
    await this.#loadResiliency()
    await this.#loadComponents()
    this.#reportOtherKinds()
    await this.#loadHttpEndpoints()
    for (const scope of this.#configuration.secretsScopes) {
      this.#components.secretsScopes.set(scope.storeName, scope)
    }
    if (this.#options.appPort <= 0) {
      this.#dependencies.output
        .scope('dapr.runtime.channels')
        .warn('App channel is not initialized. Did you configure an app-port?')
    }
    await this.#startServers()
    this.#outboundHealth.target('app')()
    await this.#awaitApp()
    if (this.#stopping.signal.aborted) return
    this.#log.info(`dapr initialized. Status: Running. Init Elapsed ${Math.trunc(monotonicMs() - start)}ms`)
    runtimeReady()
    this.#afterReady()
  }

  /** What can wait until the sidecar serves: others finding it, and its files changing. */
  #afterReady(): void {
    const failed = (error: unknown) => {
      this.#reloadFailure = new RuntimeError(errorText(error))
      this.#stopping.abort()
    }
    this.#loadResolver().catch(failed)
    this.#reload().catch(failed)
    import('./idle-collection.ts').then(({ collectWhenIdle }) => collectWhenIdle(this.#stopping.signal), failed)
  }

  #enterCluster(): void {
    const { environment } = this.#options
    const log = this.#dependencies.output.scope('dapr.runtime.security')
    const refusal = rootRefusal(environment, process.geteuid?.(), log)
    if (refusal !== undefined) throw new RuntimeError(refusal)
    this.#log.warn(operatorNotice)
  }

  /** OpenTelemetry is loaded where somebody is to be sent spans. */
  async #startTracing(): Promise<void> {
    const { tracing, samplingRate } = this.#configuration
    const rate = samplingRate === '' ? defaultSamplingRate : Number(samplingRate)
    const sampler = rate >= 1 ? 'AlwaysOnSampler' : `TraceIDRatioBased{${rate}}`
    this.#log.info(`Dapr trace sampler initialized: DaprTraceSampler(P=(${sampler}))`)
    if (rate === 0 || !(tracing.stdout || tracing.zipkinEndpoint !== '' || tracing.otel)) return
    const { createTracer } = await import('../tracing/open-telemetry.ts')
    try {
      this.#tracer = await createTracer(tracing, rate, this.#options.appId, this.#log)
    } catch (error) {
      throw new RuntimeError(errorText(error))
    }
  }

  async #startMetrics(): Promise<void> {
    const { metricsEnabled, metricsListenAddress, metricsPort } = this.#options
    const ready = this.#health.target('metrics-exporter')
    if (!metricsEnabled) {
      ready()
      return
    }
    if (!/^[+-]?\d+$/.test(metricsPort)) {
      throw new RuntimeError(
        `failed to parse metrics port: strconv.Atoi: parsing ${JSON.stringify(metricsPort)}: invalid syntax`,
      )
    }
    const address = `${metricsListenAddress}:${metricsPort}`
    const servers = [
      this.#grpcMetrics,
      this.#httpMetrics,
      this.#invocationMetrics,
      this.#resiliencyMetrics,
      this.#errorCodes,
    ].filter((source) => source !== undefined)
    const sources = [this.#componentMetrics, ...servers]
    try {
      this.#metricsServer = await startMetricsServer(
        metricsListenAddress,
        Number(metricsPort),
        this.#configuration.metricsEnabled ? sources : [],
        (error) => this.#log.error(`Failed to collect metrics: ${errorText(error)}`),
      )
    } catch (error) {
      throw new RuntimeError(`failed to listen on ${address}: ${goListenError(address, error)}`)
    }
    this.#log.info(`metrics server started on ${address}/`)
    ready()
  }

  async #loadResiliency(): Promise<void> {
    const log = this.#dependencies.output.scope('dapr.runtime')
    const loaded = await loadResiliency(this.#folders, this.#options.appId, this.#resiliencyMetrics, log)
    this.#resiliency = loaded?.resiliency
    this.#resiliencyNames = loaded?.names ?? []
  }

  async #loadHttpEndpoints(): Promise<void> {
    const endpoints = await loadHttpEndpoints(
      this.#folders,
      this.#options,
      this.#components.secretSources,
      this.#stopping.signal,
      this.#log,
    )
    this.#components.httpEndpoints.clear()
    for (const endpoint of endpoints) this.#components.httpEndpoints.set(endpoint.name, endpoint)
  }

  /** This app's components that the configuration lets be loaded. Throws {@link LoadError}. */
  #authorizedComponents(): Component[] {
    const log = this.#dependencies.output.scope('dapr.runtime.loader.disk')
    const found = loadComponents(this.#folders, this.#options, log)
    const denied = this.#configuration.deniedComponents.map((entry) => entry.toLowerCase())
    return found.filter(({ type, version }) => {
      const isDenied = denied.includes(type.toLowerCase()) || denied.includes(`${type}/${version}`.toLowerCase())
      if (isDenied) this.#log.warn(`component type ${type} (version ${version}) is denied by the configuration`)
      return !isDenied
    })
  }

  async #loadComponents(): Promise<void> {
    this.#log.info('Loading components…')
    let authorized: Component[]
    try {
      authorized = this.#authorizedComponents()
    } catch (error) {
      if (!(error instanceof LoadError)) throw error
      throw new RuntimeError(`failed to load components: ${error.message}`)
    }
    for (const component of authorized) this.#log.debug(`Found component: ${logName(component)}`)
    this.#log.info('Waiting for all outstanding components to be processed…')
    const { mode, disableBuiltinSecretStore } = this.#options
    // A component of its name in a file takes its place.
    const isBuiltinUsed =
      mode === 'kubernetes' &&
      !disableBuiltinSecretStore &&
      !authorized.some(({ name }) => name === builtinSecretStore.name)
    try {
      await this.#processor.load(isBuiltinUsed ? [builtinSecretStore, ...authorized] : authorized)
    } catch (error) {
      throw error instanceof ProcessError ? new RuntimeError(error.message) : error
    }
    this.#log.info('All outstanding components processed')
  }

  #reportOtherKinds(): void {
    const log = this.#dependencies.output.scope('dapr.runtime.loader.disk')
    for (const kind of unservedKinds) {
      for (const folder of this.#folders) {
        warnOthers(folder, kind, log)
        for (const { path, errors, documents } of folder.files) {
          if (errors.length > 0) {
            log.warn(`daprd load ${kind} error when parsing manifests yaml resource in ${path}: ${errors.join('\n')}`)
          }
          for (const document of documents) {
            if (document.kind !== kind) continue
            this.#log.warn(
              `${kind} ${document.name} in ${path} is accepted and has no effect: it is not implemented yet`,
            )
          }
        }
      }
    }
  }

  async #startServers(): Promise<void> {
    const { options, log } = { options: this.#options, log: this.#httpLog }
    const configuration = this.#configuration
    const output = this.#dependencies.output
    const system: SystemApi = {
      appId: options.appId,
      health: this.#health,
      outboundHealth: this.#outboundHealth,
      metadata: createMetadataApi(
        options,
        this.#components,
        configuration.enabledFeatures,
        () => this.#resiliencyNames,
      ),
      shutdown: (force) => this.#shutdownByApi(force),
    }
    const metrics = this.#componentMetrics
    const secrets = createSecretsApi(this.#components, metrics, output.scope('dapr.api'))
    const tracing = Number(configuration.samplingRate === '' ? defaultSamplingRate : configuration.samplingRate) !== 0
    const grpc = createGrpcServers({
      options,
      configuration,
      output,
      health: this.#health,
      metrics: this.#grpcMetrics,
      errorCodes: this.#errorCodes,
      tracing,
      tracer: this.#tracer,
      apis: () => ({
        // Over gRPC daprd's errors of missing stores do not name the app.
        state: createStateApi('', this.#components, metrics, output.scope('dapr.grpc.api')),
        secrets,
        system,
      }),
      invocation: () => this.#loadInvocation(),
      signal: this.#stopping.signal,
    })
    this.#grpcServers = grpc
    await orRuntimeError(grpc.startApi())
    const all = [
      ...stateRoutes(createStateApi(options.appId, this.#components, metrics, log)),
      ...secretsRoutes(secrets),
      ...publicRoutes(system),
      shutdownRoute(system),
      ...unservedRoutes(),
      invokeRoute(
        async () => (await this.#loadInvocation()).http,
        options.apiToken !== '',
        output.scope('dapr.runtime.http'),
      ),
    ]
    const { allowedApis, deniedApis } = configuration
    const routes = all.filter((route) => isRouteAllowed(route, allowedApis, deniedApis))
    const cors = createCors(options.allowedOrigins)
    if (options.maxBodyBytes > 0) {
      log.info(`Enabled max body size HTTP middleware with size ${options.maxBodyBytes} bytes`)
    }
    if (tracing) log.info('Enabled tracing HTTP middleware')
    if (this.#httpMetrics) log.info('Enabled metrics HTTP middleware')
    if (cors) log.info('Enabled CORS HTTP middleware')
    if (options.apiToken !== '') log.info('Enabled token authentication on HTTP server')
    const { apiLogging } = configuration
    const common = {
      metrics: this.#httpMetrics,
      errorCodes: this.#errorCodes,
      tracing,
      tracer: this.#tracer,
      maxHeaderBytes: options.readBufferBytes,
      log,
    }
    const create = () =>
      createApiServer({
        ...common,
        routes,
        fallback: routes.find(({ name }) => name === 'InvokeService'),
        apiToken: options.apiToken,
        cors,
        pipeline: createPipeline(
          configuration.httpPipeline,
          this.#components.middlewares,
          output.scope('dapr.runtime.http'),
        ),
        maxBodyBytes: options.maxBodyBytes,
        apiLog:
          (options.apiLogging ?? apiLogging.enabled)
            ? { ...apiLogging, log: output.scope('dapr.runtime.http-info') }
            : undefined,
      })
    await this.#listen(create)
    if (options.unixDomainSocket !== '') this.#log.info('HTTP server is running on a Unix Domain Socket')
    else this.#log.info(`HTTP server is running on port ${options.httpPort}`)
    this.#log.info(`The request body size parameter is: ${options.maxBodyBytes} bytes`)
    await orRuntimeError(grpc.startInternal())
    if (options.publicPort !== undefined) {
      const server = createApiServer({
        ...common,
        routes: publicRoutes(system).filter((route) => isRouteAllowed(route, allowedApis, deniedApis)),
        fallback: undefined,
        apiToken: '',
        cors: undefined,
        pipeline: undefined,
        maxBodyBytes: 0,
        apiLog: undefined,
      })
      const address = `${options.publicListenAddress}:${options.publicPort}`
      try {
        await listenOn(server, listenTarget(options.publicListenAddress, options.publicPort))
      } catch (error) {
        throw new RuntimeError(goListenError(address, error))
      }
      this.#servers.push({ server, name: address })
    }
  }

  async #listen(create: () => Server): Promise<void> {
    const { unixDomainSocket, appId, listenAddresses, httpPort } = this.#options
    if (unixDomainSocket !== '') {
      const path = join(unixDomainSocket, `dapr-${appId}-http.socket`)
      const server = create()
      try {
        await listenOn(server, { path })
      } catch (error) {
        throw new RuntimeError(`failed to start HTTP server: ${goListenError(path, error, 'unix')}`)
      }
      this.#socketFiles.push(path)
      this.#httpLog.info(`HTTP server listening on UNIX socket: ${path}`)
      this.#servers.push({ server, name: path })
      return
    }
    for (const listenAddress of listenAddresses) {
      const address = `${listenAddress}:${httpPort}`
      const server = create()
      try {
        this.#httpPort = await listenPatiently(server, listenTarget(listenAddress, httpPort), this.#stopping.signal)
        this.#httpLog.info(`HTTP server listening on TCP address: ${address}`)
        this.#servers.push({ server, name: listenAddress ? address : `[::]:${this.#httpPort}` })
      } catch (error) {
        this.#httpLog.debug(
          `Failed to listen for HTTP server on TCP address ${address} with error: ${goListenError(address, error)}`,
        )
      }
    }
    if (this.#servers.length === 0) {
      throw new RuntimeError('failed to start HTTP server: could not listen on any endpoint')
    }
  }

  async #awaitApp(): Promise<void> {
    const { appPort, appChannelAddress, appProtocol, appHealthCheck } = this.#options
    if (appPort <= 0) return
    const { signal } = this.#stopping
    const app = { host: appChannelAddress, port: appPort, protocol: appProtocol }
    const found = await waitForApp(app, this.#log, signal)
    if (this.#options.disabledInitEndpoints.includes('config')) {
      this.#log.info('Skipping programmatic dapr configuration loading')
    }
    if (!found || !appHealthCheck) return
    const { probe } = await this.#loadInvocation()
    if (!probe) return
    this.#appHealth = probeApp(probe, appHealthCheck, this.#dependencies.output.scope('dapr.apphealth'), signal)
  }

  /** Loaded with the first call of an app. */
  #loadInvocation(): Promise<Invocation> {
    this.#invocation ??= this.#createInvocation()
    return this.#invocation
  }

  async #createInvocation(): Promise<Invocation> {
    const options = this.#options
    const { output } = this.#dependencies
    const [{ createInvocation }, { withoutResiliency }] = await Promise.all([
      import('../invocation/invocation.ts'),
      import('../resiliency/resiliency.ts'),
    ])
    const none = withoutResiliency(output.scope('dapr.runtime'))
    return createInvocation({
      appId: options.appId,
      namespace: options.environment['NAMESPACE'] || 'default',
      environment: options.environment,
      app:
        options.appPort > 0
          ? {
              protocol: options.appProtocol,
              address: options.appChannelAddress,
              port: options.appPort,
              apiToken: options.appApiToken,
              maxConcurrency: options.appMaxConcurrency,
              healthCheckPath: options.appHealthCheck?.path ?? '',
            }
          : undefined,
      isAppHealthy: () => this.#appHealth?.healthy ?? options.appHealthCheck === undefined,
      appPipeline: () => this.#appPipeline,
      endpoints: this.#components.httpEndpoints,
      resolver: () => this.#loadResolver(),
      resiliency: () => this.#resiliency ?? none,
      access: this.#configuration.accessControl,
      metrics: this.#invocationMetrics,
      maxBytes: options.maxBodyBytes,
      output,
    })
  }

  get #appPipeline() {
    return createPipeline(
      this.#configuration.appHttpPipeline,
      this.#components.middlewares,
      this.#dependencies.output.scope('dapr.runtime.channels'),
    )
  }

  #loadResolver(): Promise<NameResolver> {
    this.#resolver ??= this.#createResolver()
    return this.#resolver
  }

  async #createResolver(): Promise<NameResolver> {
    const { appId, environment, internalGrpcListenAddress: listens, mode } = this.#options
    const { hostAddress } = await import('../invocation/host-address.ts')
    const { createNameResolver } = await import('../invocation/name-resolution.ts')
    const component = this.#configuration.nameResolution.component || (mode === 'kubernetes' ? 'kubernetes' : 'mdns')
    const local = { '127.0.0.1': '127.0.0.1', localhost: '127.0.0.1', '[::1]': '::1' }[listens]
    const resolver = await createNameResolver({
      ...this.#configuration.nameResolution,
      component,
      appId,
      namespace: environment['NAMESPACE'] || 'default',
      address: local ?? hostAddress(environment),
      port: this.#grpcServers?.internalPort ?? 0,
      log: this.#dependencies.output.scope('dapr.contrib'),
    })
    this.#log.info(`Initialized name resolution to ${component}`)
    return resolver
  }

  async #reload(): Promise<void> {
    const { startHotReload, followSecrets } = await import('./hot-reload.ts')
    const log = this.#dependencies.output.scope('dapr.runtime.hotreload')
    const { signal } = this.#stopping
    void followSecrets(this.#components.components, this.#processor, log, signal)
    if (!this.#followsFiles()) return
    startHotReload({
      paths: this.#options.resourcesPaths,
      reconcileIntervalMs: this.#options.reconcileIntervalMs,
      read: () => {
        this.#folders = this.#options.resourcesPaths.map(readResourceFolder)
        return this.#authorizedComponents()
      },
      loaded: this.#components.components,
      processor: this.#processor,
      others: () => this.#reloadOthers(),
      failed: (error) => {
        this.#reloadFailure = error instanceof ProcessError ? new RuntimeError(error.message) : error
        this.#stopping.abort()
      },
      log,
      signal,
    })
  }

  /** Endpoints and policies change in place: calls under way go on with what they began with. */
  async #reloadOthers(): Promise<void> {
    const read = JSON.stringify(
      this.#folders.flatMap(({ files }) =>
        files.flatMap(({ documents }) =>
          documents.flatMap(({ kind, body }) => (kind === 'Resiliency' || kind === 'HTTPEndpoint' ? [body] : [])),
        ),
      ),
    )
    for (const { path, body } of bodiesOf(this.#folders, 'Configuration')) {
      const text = JSON.stringify(body)
      if (this.#strayConfigurations.get(path) === text) continue
      this.#strayConfigurations.set(path, text)
      this.#log.warn(`A Configuration in ${path} has no effect: only those of --config have. It says ${text}`)
    }
    if (read === this.#otherResources) return
    this.#otherResources = read
    await this.#loadResiliency()
    await this.#loadHttpEndpoints()
  }

  #shutdownByApi(force: boolean): void {
    const log = this.#dependencies.output.scope('dapr.api')
    if (force) {
      log.warn('Force shutdown requested, exiting immediately without graceful shutdown')
      this.#dependencies.onForcedShutdown()
      return
    }
    log.info('Shutdown requested via API')
    // Unlike a signal, a request over the API is not held back.
    this.#stopping.abort()
  }

  async #holdBack(): Promise<void> {
    const { blockShutdownMs } = this.#options
    if (blockShutdownMs === undefined) return
    this.#log.info(
      `Blocking graceful shutdown for ${formatGoDuration(blockShutdownMs)} or until app reports unhealthy...`,
    )
    const { signal } = this.#stopping
    const expired = delay(blockShutdownMs, 'expired' as const, { signal }).catch(() => 'stopped' as const)
    const reason = await Promise.race([expired, ...(this.#appHealth ? [this.#appHealth.unhealthy] : [])])
    if (reason === 'expired') this.#log.info('Block shutdown period expired, entering shutdown...')
    else if (reason === undefined) this.#log.info('App reported unhealthy, entering shutdown...')
  }

  async #shutDown(): Promise<void> {
    this.#log.info('Dapr is shutting down')
    // Requests first, so that none finds its component closed.
    await Promise.all([
      this.#grpcServers?.close(drainBudget),
      ...this.#servers.map(({ server, name }) => {
        this.#httpLog.info(`Closing HTTP server ${name}…`)
        return drain(server)
      }),
    ])
    await (await this.#invocation?.catch(() => undefined))?.close()
    await (await this.#resolver?.catch(() => undefined))?.close()
    await this.#processor.close()
    await this.#tracer?.close().catch((error: unknown) => this.#log.warn(`Failed to send spans: ${errorText(error)}`))
    this.#log.info('Dapr runtime stopped')
    for (const path of this.#socketFiles) rmSync(path, { force: true })
    await this.#metricsServer?.close()
  }
}

/** Stops listening, lets requests finish, and closes each connection as it becomes idle. */
async function drain(server: Server): Promise<void> {
  const sweep = setInterval(() => server.closeIdleConnections(), 20)
  const late = setTimeout(() => server.closeAllConnections(), drainBudget)
  await new Promise<void>((resolve) => {
    server.close(() => resolve())
    server.closeIdleConnections()
  })
  clearInterval(sweep)
  clearTimeout(late)
}

async function orRuntimeError(start: Promise<void>): Promise<void> {
  try {
    await start
  } catch (error) {
    throw new RuntimeError(errorText(error))
  }
}

function aborted(signal: AbortSignal): Promise<void> {
  if (signal.aborted) return Promise.resolve()
  return new Promise((resolve) => signal.addEventListener('abort', () => resolve(), { once: true }))
}
