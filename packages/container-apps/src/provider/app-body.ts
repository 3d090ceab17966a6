/** The body of a container app, as it is written and stored: each member in Azure's spelling, with Azure's defaults. */
import { notImplemented } from '@keystead/resource-manager'
import { z } from 'zod'
import { identityBody } from './identity.ts'

/** One of Azure's words in whatever case, given back in Azure's own. */
function word<const Words extends readonly string[]>(...words: Words) {
  return z
    .string()
    .transform((text) => words.find((each) => each.toLowerCase() === text.toLowerCase()) ?? text)
    .pipe(z.enum(words))
}

/** az writes null, '' and a value for the same thing. */
const text = z
  .string()
  .max(4096)
  .nullish()
  .transform((value) => value || undefined)

const port = z.int().min(1).max(65_535)
const count = z.int().min(0)
const secretRef = z.string().min(1).max(253)

export const secretBody = z.object({
  name: z.string().max(253),
  value: z
    .string()
    .max(1024 * 1024)
    .optional(),
  keyVaultUrl: text,
  identity: text,
})
export type SecretBody = z.infer<typeof secretBody>

const variable = z.object({
  name: z
    .string()
    .min(1)
    .max(1024)
    .regex(/^[^=\0]+$/, 'The name of a variable has no "="'),
  value: z
    .string()
    .max(128 * 1024)
    .regex(/^[^\0]*$/)
    .optional(),
  secretRef: text,
})

const probe = z.object({
  type: word('Liveness', 'Readiness', 'Startup'),
  httpGet: z
    .object({
      path: z.string().default('/'),
      port,
      scheme: word('HTTP', 'HTTPS').optional(),
      host: text,
      httpHeaders: z.array(z.object({ name: z.string(), value: z.string() })).optional(),
    })
    .optional(),
  tcpSocket: z.object({ port, host: text }).optional(),
  initialDelaySeconds: z.int().min(0).max(3600).optional(),
  periodSeconds: z.int().min(1).max(240).optional(),
  timeoutSeconds: z.int().min(1).max(240).optional(),
  failureThreshold: z.int().min(1).max(30).optional(),
  successThreshold: z.int().min(1).max(10).optional(),
})

const container = z.object({
  name: z.string().min(1).max(63),
  image: z.string().min(1).max(1024),
  command: z.array(z.string()).optional(),
  args: z.array(z.string()).optional(),
  env: z.array(variable).optional(),
  resources: z
    .object({
      cpu: z.coerce.number().positive().max(64).default(0.5),
      memory: z
        .string()
        .regex(/^\d+(?:\.\d+)?(?:Gi|Mi)$/, 'Memory is a number followed by "Gi"')
        .default('1Gi'),
    })
    .prefault({}),
  probes: z.array(probe).optional(),
  volumeMounts: z.array(z.object({ volumeName: z.string(), mountPath: z.string().startsWith('/') })).optional(),
})
export type Container = z.infer<typeof container>

const auth = z.array(z.object({ secretRef, triggerParameter: z.string() })).optional()
const metadata = z.record(z.string(), z.coerce.string()).optional()
const scaleRule = z.object({
  name: z.string().min(1).max(253),
  http: z.object({ metadata, auth, identity: text }).optional(),
  tcp: z.object({ metadata, auth, identity: text }).optional(),
  azureQueue: z
    .object({
      accountName: z.string().optional(),
      queueName: z.string(),
      queueLength: z.int().min(1),
      auth,
      identity: text,
    })
    .optional(),
  custom: z.object({ type: z.string(), metadata, auth, identity: text }).optional(),
})

export const template = z.object({
  revisionSuffix: text,
  containers: z.array(container).min(1, 'An app has at least one container').max(20),
  initContainers: z.array(container).max(20).optional(),
  scale: z
    .object({
      minReplicas: count.max(1000).optional(),
      maxReplicas: count.min(1).max(1000).default(10),
      cooldownPeriod: count.default(300),
      pollingInterval: count.min(1).default(30),
      rules: z.array(scaleRule).optional(),
    })
    .prefault({}),
  volumes: z
    .array(
      z.object({
        name: z.string(),
        storageType: word('Secret', 'EmptyDir', 'AzureFile', 'NfsAzureFile').default('EmptyDir'),
        secrets: z.array(z.object({ secretRef, path: text })).optional(),
      }),
    )
    .optional(),
  terminationGracePeriodSeconds: z.int().min(0).max(600).optional(),
})
export type Template = z.infer<typeof template>

const traffic = z.object({
  revisionName: text,
  latestRevision: z.boolean().optional(),
  weight: z.int().min(0).max(100).default(0),
  label: text,
})
export type TrafficWeight = z.infer<typeof traffic>

const names = z.array(z.string()).optional()
const ingress = z.object({
  external: z.boolean().default(false),
  targetPort: port.optional(),
  transport: word('Auto', 'Http', 'Http2', 'Tcp').default('Auto'),
  allowInsecure: z.boolean().default(false),
  traffic: z.array(traffic).optional(),
  stickySessions: z.object({ affinity: word('none', 'sticky').default('none') }).optional(),
  corsPolicy: z
    .object({
      allowedOrigins: names,
      allowedMethods: names,
      allowedHeaders: names,
      exposeHeaders: names,
      maxAge: z.int().optional(),
      allowCredentials: z.boolean().optional(),
    })
    .optional(),
  ipSecurityRestrictions: z
    .array(
      z.object({
        name: z.string(),
        description: text,
        ipAddressRange: z.string().max(64),
        action: word('Allow', 'Deny'),
      }),
    )
    .optional(),
  customDomains: z.array(z.unknown()).optional(),
  additionalPortMappings: z.array(z.unknown()).optional(),
  clientCertificateMode: word('ignore', 'accept', 'require').optional(),
})

const dapr = z.object({
  enabled: z.boolean().default(false),
  appId: text,
  appPort: port.optional(),
  appProtocol: word('http', 'grpc').optional(),
  logLevel: word('info', 'debug', 'warn', 'error').optional(),
  enableApiLogging: z.boolean().optional(),
  httpMaxRequestSize: count.optional(),
  httpReadBufferSize: count.optional(),
})

const configuration = z.object({
  activeRevisionsMode: word('Single', 'Multiple', 'Labels').default('Single'),
  secrets: z.array(secretBody).optional(),
  registries: z
    .array(z.object({ server: z.string(), username: text, passwordSecretRef: text, identity: text }))
    .optional(),
  ingress: ingress.optional(),
  dapr: dapr.optional(),
  maxInactiveRevisions: count.max(100).optional(),
})

const properties = z.object({
  environmentId: text,
  /** What the first api-versions called it. */
  managedEnvironmentId: text,
  workloadProfileName: text,
  configuration: configuration.prefault({}),
  template,
})

export const appBody = z.object({
  location: z.string(),
  tags: z.record(z.string(), z.string()).optional(),
  identity: identityBody.optional(),
  properties,
})
export type AppBody = z.infer<typeof appBody>

/** A JSON merge patch: it is applied to what is stored, and the outcome is read as a body. */
export const appPatch = z.looseObject({
  tags: z.record(z.string(), z.string()).nullish(),
  identity: z.looseObject({}).nullish(),
  properties: z.looseObject({}).nullish(),
})
export type AppPatch = z.infer<typeof appPatch>

/** The secrets as an app's own representation names them: without values. */
const namedSecret = secretBody.omit({ value: true })

/** The properties of an app as Resource Manager keeps them. */
export const storedApp = z.object({
  environmentId: z.string(),
  workloadProfileName: text,
  configuration: configuration.extend({ secrets: z.array(namedSecret).optional() }),
  template,
  identities: z.object({ system: z.boolean(), user: z.array(z.string()) }),
  /** Of an app that was stopped: nothing of it runs. */
  stopped: z.boolean().optional(),
})
export type StoredApp = z.infer<typeof storedApp>

/** Throws for what is asked for and not done here, so that nobody relies on it. */
export function refuseUnsupported({ configuration, template }: Pick<StoredApp, 'configuration' | 'template'>): void {
  const { ingress, activeRevisionsMode } = configuration
  if (activeRevisionsMode === 'Labels') throw notImplemented("The revision mode 'Labels'")
  if (ingress?.customDomains?.length) throw notImplemented('A custom domain of a container app')
  if (ingress?.additionalPortMappings?.length) throw notImplemented('An additional port of a container app')
  if (ingress?.clientCertificateMode !== undefined && ingress.clientCertificateMode !== 'ignore') {
    throw notImplemented('A client certificate in front of a container app')
  }
  for (const { name, storageType } of template.volumes ?? []) {
    if (storageType !== 'Secret') throw notImplemented(`The volume '${name}' of the storage type ${storageType}`)
  }
}

/** The document as JSON has it: no member that is undefined. */
export function plain<T>(document: T): T {
  return JSON.parse(JSON.stringify(document)) as T
}
