/** One replica of a revision: its ports, its identity's endpoint, its files, its containers and its sidecar. */
import { randomBytes } from 'node:crypto'
import { mkdir, rm, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { Container, type ContainerOptions } from './container.ts'
import { type SidecarPorts, sidecarArguments, writeComponents } from './dapr-sidecar.ts'
import type { Host } from './host.ts'
import type { ContainerSpec, Probe, ReplicaStatus, RevisionSpec, SystemEvent } from './platform.ts'
import { startGroup } from './process-group.ts'
import { digestOf, type ReferenceDigests, referenceKey, watchedReferences } from './reference-watch.ts'
import { baseEnvironment, replicaEnvironment } from './replica-environment.ts'
import { SecretUnavailable, secretValues } from './secret-values.ts'

const sidecarName = 'daprd'
const longestBackOff = 30
const quick = {
  initialDelaySeconds: 0,
  periodSeconds: 0.05,
  timeoutSeconds: 1,
  failureThreshold: 1200,
  successThreshold: 1,
}

export class Replica {
  readonly name: string
  readonly generation: number
  readonly createdAt: number
  readonly #spec: RevisionSpec
  readonly #host: Host
  readonly #onChange: () => void
  readonly #ending = new AbortController()
  readonly #directory: string
  readonly #sidecarErrors: string[] = []
  readonly #begunInit = new Set<number>()
  #containers: Container[] = []
  #init: Container[] = []
  #ports: number[] = []
  #port: number | undefined
  #registered = false
  #failure: string | undefined
  #prepared = false
  #starting: Promise<void> | undefined
  #ended: Promise<void> | undefined
  #references: ReferenceDigests = new Map()

  constructor(spec: RevisionSpec, generation: number, host: Host, onChange: () => void) {
    this.#spec = spec
    this.generation = generation
    this.#host = host
    this.#onChange = onChange
    this.createdAt = host.clock()
    this.name = `${spec.name}-${randomBytes(5).toString('hex')}-${randomBytes(3).toString('hex').slice(0, 5)}`
    this.#directory = join(host.settings.directory, 'replicas', this.name)
  }

  get ending(): boolean {
    return this.#ending.signal.aborted
  }

  get ready(): boolean {
    return this.#prepared && !this.ending && this.#containers.every((container) => container.ready)
  }

  /** Why it is not ready, when it is known. The sidecar's own lines come first: the app often fails for want of it. */
  get failure(): string | undefined {
    if (this.ready) return undefined
    const sidecar = this.#containers.find(({ name }) => name === sidecarName)?.failure
    if (sidecar) return [sidecar, ...this.#sidecarErrors].join('\n')
    return this.#failure ?? [...this.#init, ...this.#containers].find(({ failure }) => failure !== undefined)?.failure
  }

  get status(): ReplicaStatus {
    const { failure } = this
    return {
      name: this.name,
      createdAt: this.createdAt,
      runningState: this.ready ? 'Running' : 'NotRunning',
      ...(failure === undefined ? {} : { runningStateDetails: failure }),
      containers: this.#containers.map(({ status }) => status),
      ...(this.ready && this.#spec.targetPort !== undefined ? { address: `http://127.0.0.1:${this.#port}` } : {}),
    }
  }

  /** Whether one of its variables was made from another value than these. */
  usesOther(fresh: ReferenceDigests): boolean {
    return [...this.#references].some(([key, digest]) => fresh.has(key) && fresh.get(key) !== digest)
  }

  /** CPU time of the app's containers, in seconds. */
  async cpuSeconds(): Promise<number> {
    const apps = this.#containers.filter(({ name }) => name !== sidecarName)
    const seconds = await Promise.all(apps.map((container) => container.cpuSeconds()))
    return seconds.reduce((sum, one) => sum + one, 0)
  }

  start(): void {
    this.#starting = this.#run()
  }

  /** Stops it gracefully, and removes what it had. */
  end(): Promise<void> {
    this.#ended ??= this.#end()
    return this.#ended
  }

  async #run(): Promise<void> {
    const { signal } = this.#ending
    for (let failures = 0; !signal.aborted; failures += 1) {
      try {
        await this.#prepare()
        return
      } catch (error) {
        if (signal.aborted) return
        this.#failure = error instanceof Error ? error.message : String(error)
        const reason = error instanceof SecretUnavailable ? 'KeyVaultSecretSyncFailed' : 'AssigningReplicaFailed'
        this.event('Warning', reason, this.#failure)
        this.#onChange()
      }
      const delay = this.#host.settings.backOffMs * Math.min(2 ** failures, longestBackOff)
      await sleep(delay, undefined, { signal }).catch(() => undefined)
    }
  }

  async #prepare(): Promise<void> {
    const { place, dapr, identities } = this.#spec
    const host = this.#host
    const { signal } = this.#ending
    const components = dapr?.components ?? []
    const [secrets, ...componentSecrets] = await Promise.all([
      secretValues(place.appId, this.#spec.secrets, host.vault),
      ...components.map((component) => secretValues(place.appId, component.secrets, host.vault)),
    ])
    if (signal.aborted) return
    this.#references = new Map(
      watchedReferences(this.#spec).map((secret) => [referenceKey(secret), digestOf(secrets.get(secret.name) ?? '')]),
    )
    const identity = identities.length === 0 ? undefined : await host.identities.register(this.name, identities)
    this.#registered = identity !== undefined
    const ports = await this.#takePorts()
    if (signal.aborted) return
    await mkdir(this.#directory, { recursive: true, mode: 0o700 })
    const environmentOf = async (container: ContainerSpec): Promise<Record<string, string>> => ({
      ...replicaEnvironment({
        spec: this.#spec,
        container,
        replica: this.name,
        secrets,
        client: host.settings.environment,
        ...(identity ? { identity } : {}),
        ...(this.#port === undefined ? {} : { port: this.#port }),
        ...(ports ? { dapr: ports } : {}),
      }),
      ...(await this.#mount(container, secrets)),
    })
    const containers = await Promise.all(
      this.#spec.containers.map(async (spec, index) => {
        const environment = await environmentOf(spec)
        return new Container(this.#optionsOf(spec, environment, false, index === 0))
      }),
    )
    const init = await Promise.all(
      this.#spec.initContainers.map(async (spec) => {
        const environment = await environmentOf(spec)
        return new Container(this.#optionsOf(spec, environment, true, false))
      }),
    )
    if (dapr && ports) {
      const directory = join(this.#directory, 'components')
      const values = new Map(components.map((component, index) => [component, componentSecrets[index] ?? new Map()]))
      const inline = await writeComponents(directory, components, (component) => values.get(component) ?? new Map())
      containers.unshift(
        this.#sidecar(sidecarArguments(dapr, ports, this.#appPort(), directory), ports, {
          ...baseEnvironment(host.settings.environment),
          ...(identity ? { IDENTITY_ENDPOINT: identity.endpoint, IDENTITY_HEADER: identity.header } : {}),
          APP_ID: dapr.appId,
          ...inline,
          ...host.settings.sidecar.environment,
        }),
      )
    }
    if (signal.aborted) return
    this.#failure = undefined
    this.#init = init
    this.#containers = containers
    this.event('Normal', 'AssigningReplica', `Replica '${this.name}' has been scheduled to run`)
    if (init.length === 0) this.#startContainers()
    else init[0]?.start()
  }

  /** The sidecar starts beside the app, as on Azure, and nothing waits for it. */
  #startContainers(): void {
    if (this.#prepared || this.ending) return
    this.#prepared = true
    for (const container of this.#containers) {
      this.event('Normal', 'ContainerCreated', `Created container '${container.name}'`)
      container.start()
    }
  }

  #changed(): void {
    if (!this.#prepared && this.#init.length > 0) {
      const next = this.#init.findIndex(({ succeeded }) => !succeeded)
      if (next === -1) this.#startContainers()
      else if (next > 0) this.#startInit(next)
    }
    this.#onChange()
  }

  #startInit(index: number): void {
    if (this.#begunInit.has(index) || this.ending) return
    this.#begunInit.add(index)
    this.#init[index]?.start()
  }

  async #takePorts(): Promise<SidecarPorts | undefined> {
    const take = async (wanted?: number): Promise<number> => {
      const port = await this.#host.ports.take(wanted)
      this.#ports.push(port)
      return port
    }
    // A start that failed before has them already.
    this.#host.ports.giveBack(this.#ports.splice(0))
    const wanted = this.#spec.targetPort ?? this.#spec.dapr?.appPort
    this.#port = wanted === undefined ? undefined : await take(wanted)
    if (!this.#spec.dapr) return undefined
    return { http: await take(3500), grpc: await take(50_001), internal: await take(), metrics: await take() }
  }

  readonly #portOf = (port: number): number =>
    port === (this.#spec.targetPort ?? this.#spec.dapr?.appPort) ? (this.#port ?? port) : port

  #appPort(): number | undefined {
    const appPort = this.#spec.dapr?.appPort
    return appPort === undefined ? undefined : this.#portOf(appPort)
  }

  /** Files of secrets below the replica's own directory; `KEYSTEAD_MOUNTS` says where what is at `/` for a container is. */
  async #mount(container: ContainerSpec, secrets: ReadonlyMap<string, string>): Promise<Record<string, string>> {
    if (container.secretMounts.length === 0) return {}
    const root = join(this.#directory, 'mounts', container.name)
    for (const { path, secrets: files } of container.secretMounts) {
      for (const { name, file } of files) {
        const value = secrets.get(name)
        if (value === undefined) throw new SecretUnavailable(`The app has no secret '${name}', which ${path} mounts.`)
        // `join` takes `..` away at the root, so that no mount leaves the replica's directory.
        const target = join(root, join('/', path, join('/', file)))
        await mkdir(dirname(target), { recursive: true, mode: 0o700 })
        await writeFile(target, value, { mode: 0o600 })
      }
    }
    return { KEYSTEAD_MOUNTS: root }
  }

  #optionsOf(
    spec: ContainerSpec,
    environment: Readonly<Record<string, string>>,
    untilSuccess: boolean,
    main: boolean,
  ): ContainerOptions {
    return {
      ...this.#common(spec.name, spec.image),
      probes: untilSuccess ? [] : this.#probesOf(spec, main),
      untilSuccess,
      launch: (onOutput) => this.#host.runner.start({ ...spec, environment, onOutput }),
    }
  }

  /** Without probes of its own, the app is ready when its port takes connections. */
  #probesOf(spec: ContainerSpec, main: boolean): readonly Probe[] {
    const { targetPort } = this.#spec
    if (!main || targetPort === undefined) return spec.probes
    const tcpSocket = { port: targetPort }
    const added: Probe[] = []
    if (!spec.probes.some(({ type }) => type === 'Startup')) {
      added.push({ type: 'Startup', tcpSocket, ...quick, failureThreshold: 4800 })
    }
    if (!spec.probes.some(({ type }) => type === 'Readiness')) {
      added.push({ type: 'Readiness', tcpSocket, ...quick, periodSeconds: 5, failureThreshold: 48 })
    }
    return [...spec.probes, ...added]
  }

  #sidecar(args: readonly string[], ports: SidecarPorts, environment: Readonly<Record<string, string>>): Container {
    const healthy = {
      path: '/v1.0/healthz/outbound',
      port: ports.http,
      scheme: 'HTTP' as const,
      headers: [],
    }
    const common = this.#common(sidecarName, sidecarName)
    return new Container({
      ...common,
      portOf: (port) => port,
      probes: [{ type: 'Startup', httpGet: healthy, ...quick }],
      untilSuccess: false,
      onLine: (stream, text) => {
        if (/ level=(error|fatal) /.test(` ${text}`)) {
          this.#sidecarErrors.push(text)
          if (this.#sidecarErrors.length > 3) this.#sidecarErrors.shift()
        }
        common.onLine(stream, text)
      },
      launch: (onOutput) => {
        this.#sidecarErrors.length = 0
        const file = this.#host.settings.sidecar.executable
        return startGroup({ file, args, environment, channel: true, onOutput }, this.#host.record)
      },
    })
  }

  #common(container: string, image: string) {
    const { place, name: revision, terminationGracePeriodSeconds } = this.#spec
    const { logs, clock, settings } = this.#host
    const from = { place, revision, replica: this.name, container, image }
    return {
      name: container,
      portOf: this.#portOf,
      graceMs: terminationGracePeriodSeconds * 1000,
      backOffMs: settings.backOffMs,
      clock,
      onLine: (stream: 'stdout' | 'stderr', text: string): void => logs.line(from, { time: clock(), stream, text }),
      onEvent: (type: SystemEvent['type'], reason: string, message: string, count: number): void =>
        this.event(type, reason, message, count),
      onChange: () => this.#changed(),
    }
  }

  event(type: SystemEvent['type'], reason: string, message: string, count = 1): void {
    const { place, name: revision } = this.#spec
    this.#host.logs.event(place, {
      time: this.#host.clock(),
      type,
      reason,
      message,
      revision,
      replica: this.name,
      count,
    })
  }

  async #end(): Promise<void> {
    this.#ending.abort()
    await this.#starting
    const sidecar = this.#containers.filter(({ name }) => name === sidecarName)
    const apps = this.#containers.filter(({ name }) => name !== sidecarName)
    // The app may need its sidecar until it is done.
    await Promise.all([...this.#init, ...apps].map((container) => container.stop()))
    await Promise.all(sidecar.map((container) => container.stop()))
    if (this.#registered) this.#host.identities.unregister(this.name)
    this.#host.ports.giveBack(this.#ports)
    await rm(this.#directory, { recursive: true, force: true })
    this.#host.logs.ended(
      this.#spec.place.appId,
      this.#spec.name,
      this.name,
      [...this.#init, ...this.#containers].map(({ name }) => name),
    )
    this.#onChange()
  }
}
