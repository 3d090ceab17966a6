/** The Configuration resource: what of it the sidecar acts on, from one or several files. */
import { readFileSync, statSync } from 'node:fs'
import {
  GoJsonError,
  type GoPlace,
  isJsonObject,
  jsonKind,
  readBool,
  readSlice,
  readYamlString,
  typeError,
} from '../gojson/decode.ts'
import { goFileError } from './resource-files.ts'
import { parseYaml, YamlError } from './yaml.ts'

export interface SecretsScope {
  readonly storeName: string
  readonly defaultAccess: string
  readonly allowedSecrets: readonly string[]
  readonly deniedSecrets: readonly string[]
}

export interface ApiAccessRule {
  readonly name: string
  readonly version: string
  readonly protocol: string
}

/** One middleware of a pipeline, by the component that is to be it. */
export interface PipelineHandler {
  readonly name: string
  readonly type: string
}

export interface NameResolutionSpec {
  readonly component: string
  readonly version: string
  readonly configuration: unknown
}

export interface AccessControlSpec {
  readonly trustDomain: string
  readonly defaultAction: string
  /** How many apps have policies of their own. */
  readonly policies: number
}

export interface TracingSpec {
  readonly stdout: boolean
  /** Empty: none. */
  readonly zipkinEndpoint: string
  readonly otel: OtelSpec | undefined
}

export interface OtelSpec {
  readonly endpointAddress: string
  /** Undefined: secure, as Dapr has it. */
  readonly isSecure: boolean | undefined
  /** `grpc` or `http`. */
  readonly protocol: string
  readonly headers: Readonly<Record<string, string>>
  /** A Go duration; empty for the exporter's own. */
  readonly timeout: string
}

export interface Configuration {
  readonly secretsScopes: readonly SecretsScope[]
  readonly allowedApis: readonly ApiAccessRule[]
  readonly deniedApis: readonly ApiAccessRule[]
  /** Component types that must not be loaded, `type` or `type/version`. */
  readonly deniedComponents: readonly string[]
  readonly enabledFeatures: readonly string[]
  readonly disabledFeatures: readonly string[]
  readonly apiLogging: {
    readonly enabled: boolean
    readonly obfuscateUrls: boolean
    readonly omitHealthChecks: boolean
  }
  readonly metricsEnabled: boolean
  /** True: HTTP metrics carry the path; undefined: the default, true. */
  readonly increasedCardinality: boolean | undefined
  readonly excludeVerbs: boolean
  /** Upper bounds in milliseconds; empty for Dapr's own. */
  readonly latencyBuckets: readonly number[]
  /** Share of requests sampled for tracing, as written; empty for Dapr's default. */
  readonly samplingRate: string
  readonly tracing: TracingSpec
  /** Patterns that HTTP metrics' paths are told by; undefined: no path matching. */
  readonly pathMatching: readonly string[]
  /** True: refused requests are counted by their error codes. */
  readonly recordErrorCodes: boolean
  readonly httpPipeline: readonly PipelineHandler[]
  readonly appHttpPipeline: readonly PipelineHandler[]
  readonly nameResolution: NameResolutionSpec
  readonly accessControl: AccessControlSpec | undefined
  /** `spec.…` members that are there and not acted on yet. */
  readonly unsupported: readonly string[]
}

/** The text after daprd's `error loading configuration: `. */
export class ConfigurationError extends Error {
  override readonly name = 'ConfigurationError'
}

export const defaultConfiguration: Configuration = {
  secretsScopes: [],
  allowedApis: [],
  deniedApis: [],
  deniedComponents: [],
  enabledFeatures: [],
  disabledFeatures: [],
  apiLogging: { enabled: false, obfuscateUrls: false, omitHealthChecks: false },
  metricsEnabled: true,
  increasedCardinality: undefined,
  excludeVerbs: false,
  latencyBuckets: [],
  samplingRate: '',
  tracing: { stdout: false, zipkinEndpoint: '', otel: undefined },
  pathMatching: [],
  recordErrorCodes: false,
  httpPipeline: [],
  appHttpPipeline: [],
  nameResolution: { component: '', version: '', configuration: undefined },
  accessControl: undefined,
  unsupported: [],
}

/** Files laid one over the other, later members winning, with `${VAR}` taken from the environment. Throws {@link ConfigurationError}. */
export function loadConfiguration(
  paths: readonly string[],
  environment: Readonly<Record<string, string | undefined>>,
): Configuration {
  let merged: unknown = {}
  for (const path of paths) merged = merge(merged, readFile(path, environment))
  try {
    return readConfiguration(merged)
  } catch (error) {
    if (!(error instanceof GoJsonError)) throw error
    throw new ConfigurationError(`error unmarshaling JSON: while decoding JSON: ${error.message}`)
  }
}

/** The configuration in parsed YAML. Throws GoJsonError or {@link ConfigurationError}. */
export function readConfiguration(document: unknown): Configuration {
  const top = object(document, at(''), 'config.Configuration')
  const spec = object(member(top, 'spec'), at('spec'), 'config.ConfigurationSpec')
  const secrets = object(member(spec, 'secrets'), at('spec.secrets'), 'config.SecretsSpec')
  const scopes =
    readSlice(member(secrets, 'scopes'), at('spec.secrets.scopes'), '[]config.SecretsScope', readScope) ?? []
  validateScopes(scopes)
  const api = object(member(spec, 'api'), at('spec.api'), 'config.APISpec')
  const components = object(member(spec, 'components'), at('spec.components'), 'config.ComponentsSpec')
  const logging = object(member(spec, 'logging'), at('spec.logging'), 'config.LoggingSpec')
  const apiLogging = object(member(logging, 'apiLogging'), at('spec.logging.apiLogging'), 'config.APILoggingSpec')
  const tracing = object(member(spec, 'tracing'), at('spec.tracing'), 'config.TracingSpec')
  const metric = {
    ...object(member(spec, 'metric'), at('spec.metric'), 'config.MetricSpec'),
    ...object(member(spec, 'metrics'), at('spec.metrics'), 'config.MetricSpec'),
  }
  const http = object(member(metric, 'http'), at('spec.metric.http'), 'config.MetricHTTP')
  const increased = member(http, 'increasedCardinality')
  const enabled = member(metric, 'enabled')
  return {
    secretsScopes: scopes,
    allowedApis: rules(api, 'allowed'),
    deniedApis: rules(api, 'denied'),
    deniedComponents: strings(member(components, 'deny'), 'spec.components.deny'),
    enabledFeatures: features(spec, true),
    disabledFeatures: features(spec, false),
    apiLogging: {
      enabled: readBool(member(apiLogging, 'enabled'), at('spec.logging.apiLogging.enabled')),
      obfuscateUrls: readBool(member(apiLogging, 'obfuscateURLs'), at('spec.logging.apiLogging.obfuscateURLs')),
      omitHealthChecks: readBool(
        member(apiLogging, 'omitHealthChecks'),
        at('spec.logging.apiLogging.omitHealthChecks'),
      ),
    },
    metricsEnabled: enabled === undefined || enabled === null ? true : readBool(enabled, at('spec.metric.enabled')),
    increasedCardinality:
      increased === undefined || increased === null
        ? undefined
        : readBool(increased, at('spec.metric.http.increasedCardinality')),
    excludeVerbs: readBool(member(http, 'excludeVerbs'), at('spec.metric.http.excludeVerbs')),
    latencyBuckets:
      readSlice(
        member(metric, 'latencyDistributionBuckets'),
        at('spec.metric.latencyDistributionBuckets'),
        '[]int',
        (n) => (typeof n === 'number' ? n : Number.NaN),
      ) ?? [],
    samplingRate: String(member(tracing, 'samplingRate') ?? ''),
    tracing: readTracing(tracing),
    pathMatching: strings(member(http, 'pathMatching'), 'spec.metric.http.pathMatching'),
    recordErrorCodes: readBool(member(metric, 'recordErrorCodes'), at('spec.metric.recordErrorCodes')),
    httpPipeline: pipeline(spec, 'httpPipeline'),
    appHttpPipeline: pipeline(spec, 'appHttpPipeline'),
    nameResolution: readNameResolution(spec),
    accessControl: readAccessControl(spec),
    unsupported: unsupported(spec, metric),
  }
}

function readTracing(tracing: Readonly<Record<string, unknown>>): TracingSpec {
  const zipkin = object(member(tracing, 'zipkin'), at('spec.tracing.zipkin'), 'config.ZipkinSpec')
  const given = member(tracing, 'otel')
  const otel = object(given, at('spec.tracing.otel'), 'config.OtelSpec')
  const secure = member(otel, 'isSecure')
  const place = (name: string) => at(`spec.tracing.otel.${name}`)
  const headers = member(otel, 'headers')
  return {
    stdout: readBool(member(tracing, 'stdout'), at('spec.tracing.stdout')),
    zipkinEndpoint: readYamlString(member(zipkin, 'endpointAddress'), at('spec.tracing.zipkin.endpointAddress')),
    otel:
      given === undefined || given === null
        ? undefined
        : {
            endpointAddress: readYamlString(member(otel, 'endpointAddress'), place('endpointAddress')),
            isSecure: secure === undefined || secure === null ? undefined : readBool(secure, place('isSecure')),
            protocol: readYamlString(member(otel, 'protocol'), place('protocol')),
            headers: readOtelHeaders(headers),
            timeout: readYamlString(member(otel, 'timeout'), place('timeout')),
          },
  }
}

/** A list of `name=value`, or of names and values. */
function readOtelHeaders(value: unknown): Record<string, string> {
  const place = at('spec.tracing.otel.headers')
  const pairs = readSlice(value, place, '[]string', (item) => {
    if (isJsonObject(item)) {
      return [readYamlString(member(item, 'name'), place), readYamlString(member(item, 'value'), place)] as const
    }
    const [name = '', ...rest] = readYamlString(item, place).split('=')
    return [name.trim(), rest.join('=').trim()] as const
  })
  return Object.fromEntries((pairs ?? []).filter(([name]) => name !== ''))
}

function pipeline(
  spec: Readonly<Record<string, unknown>>,
  name: 'httpPipeline' | 'appHttpPipeline',
): PipelineHandler[] {
  const path = `spec.${name}`
  const given = object(member(spec, name), at(path), 'config.PipelineSpec')
  return (
    readSlice(member(given, 'handlers'), at(`${path}.handlers`), '[]config.HandlerSpec', (item) => {
      const handler = object(item, at(`${path}.handlers`), 'config.HandlerSpec')
      return {
        name: readYamlString(member(handler, 'name'), at(`${path}.handlers.name`)),
        type: readYamlString(member(handler, 'type'), at(`${path}.handlers.type`)),
      }
    }) ?? []
  )
}

function readNameResolution(spec: Readonly<Record<string, unknown>>): NameResolutionSpec {
  const given = object(member(spec, 'nameResolution'), at('spec.nameResolution'), 'config.NameResolutionSpec')
  return {
    component: readYamlString(member(given, 'component'), at('spec.nameResolution.component')),
    version: readYamlString(member(given, 'version'), at('spec.nameResolution.version')),
    configuration: member(given, 'configuration'),
  }
}

function readAccessControl(spec: Readonly<Record<string, unknown>>): AccessControlSpec | undefined {
  const path = 'spec.accessControl'
  const given = object(member(spec, 'accessControl'), at(path), 'config.AccessControlSpec')
  const trustDomain = readYamlString(member(given, 'trustDomain'), at(`${path}.trustDomain`))
  const defaultAction = readYamlString(member(given, 'defaultAction'), at(`${path}.defaultAction`))
  const policies =
    readSlice(member(given, 'policies'), at(`${path}.policies`), '[]config.AppPolicySpec', (item) => item) ?? []
  if (trustDomain === '' && defaultAction === '' && policies.length === 0) return undefined
  return { trustDomain, defaultAction, policies: policies.length }
}

const unsupportedSpecs = ['mtls', 'wasm', 'workflow']

function unsupported(spec: Readonly<Record<string, unknown>>, metric: Readonly<Record<string, unknown>>): string[] {
  const present = (value: unknown) => value !== undefined && value !== null
  return [
    ...unsupportedSpecs.filter((name) => present(member(spec, name))).map((name) => `spec.${name}`),
    ...(present(member(metric, 'rules')) ? ['spec.metric.rules'] : []),
  ]
}

function readScope(value: unknown): SecretsScope {
  const path = 'spec.secrets.scopes'
  const scope = object(value, at(path), 'config.SecretsScope')
  return {
    storeName: readYamlString(member(scope, 'storeName'), at(`${path}.storeName`)),
    defaultAccess: readYamlString(member(scope, 'defaultAccess'), at(`${path}.defaultAccess`)),
    allowedSecrets: strings(member(scope, 'allowedSecrets'), `${path}.allowedSecrets`),
    deniedSecrets: strings(member(scope, 'deniedSecrets'), `${path}.deniedSecrets`),
  }
}

function validateScopes(scopes: readonly SecretsScope[]): void {
  const seen = new Set<string>()
  for (const { storeName, defaultAccess } of scopes) {
    if (seen.has(storeName)) throw new ConfigurationError(`${storeName} storeName is repeated in secrets configuration`)
    if (!['', 'allow', 'deny'].includes(defaultAccess.toLowerCase())) {
      throw new ConfigurationError(`defaultAccess ${defaultAccess} can be either allow or deny`)
    }
    seen.add(storeName)
  }
}

function features(spec: Readonly<Record<string, unknown>>, wanted: boolean): string[] {
  const read = readSlice(member(spec, 'features'), at('spec.features'), '[]config.FeatureSpec', (item) => {
    const feature = object(item, at('spec.features'), 'config.FeatureSpec')
    return {
      name: readYamlString(member(feature, 'name'), at('spec.features.name')),
      enabled: readBool(member(feature, 'enabled'), at('spec.features.enabled')),
    }
  })
  return (read ?? []).filter(({ name, enabled }) => name !== '' && enabled === wanted).map(({ name }) => name)
}

function rules(api: Readonly<Record<string, unknown>>, list: 'allowed' | 'denied'): ApiAccessRule[] {
  const path = `spec.api.${list}`
  return (
    readSlice(member(api, list), at(path), 'config.APIAccessRules', (item) => {
      const rule = object(item, at(path), 'config.APIAccessRule')
      return {
        name: readYamlString(member(rule, 'name'), at(`${path}.name`)),
        version: readYamlString(member(rule, 'version'), at(`${path}.version`)),
        protocol: readYamlString(member(rule, 'protocol'), at(`${path}.protocol`)),
      }
    }) ?? []
  )
}

function readFile(path: string, environment: Readonly<Record<string, string | undefined>>): unknown {
  let text: string
  try {
    statSync(path)
  } catch (error) {
    throw new ConfigurationError(goFileError('stat', path, error))
  }
  try {
    text = readFileSync(path, 'utf8')
  } catch (error) {
    throw new ConfigurationError(goFileError('read', path, error))
  }
  try {
    return parseYaml(expandEnvironment(text, environment)) ?? {}
  } catch (error) {
    if (!(error instanceof YamlError)) throw error
    throw new ConfigurationError(`error converting YAML to JSON: ${error.message}`)
  }
}

/** Go's `os.ExpandEnv`: `$NAME` and `${NAME}`; a name that is not set is empty. */
export function expandEnvironment(text: string, environment: Readonly<Record<string, string | undefined>>): string {
  return text.replace(/\$(?:\{([^}]*)\}|([A-Za-z_]\w*|[*#$@!?\-\d]))/g, (_, braced?: string, bare?: string) => {
    return environment[braced ?? bare ?? ''] ?? ''
  })
}

/** Go's JSON reader over a struct that is filled already: objects are merged, everything else replaced. */
function merge(base: unknown, over: unknown): unknown {
  if (!isJsonObject(base) || !isJsonObject(over)) return over ?? base
  const merged: Record<string, unknown> = { ...base }
  for (const [key, value] of Object.entries(over)) merged[key] = merge(merged[key], value)
  return merged
}

function at(field: string): GoPlace {
  return { struct: 'Configuration', field }
}

function member(value: Readonly<Record<string, unknown>>, name: string): unknown {
  if (Object.hasOwn(value, name)) return value[name]
  const lower = name.toLowerCase()
  for (const key in value) if (key.toLowerCase() === lower) return value[key]
  return undefined
}

function strings(value: unknown, field: string): string[] {
  return readSlice(value, at(field), '[]string', (item) => readYamlString(item, at(field))) ?? []
}

function object(value: unknown, place: GoPlace, type: string): Readonly<Record<string, unknown>> {
  if (value === null || value === undefined) return {}
  if (!isJsonObject(value)) throw typeError(jsonKind(value), place, type)
  return value
}
