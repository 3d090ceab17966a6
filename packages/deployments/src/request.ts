/** A request to deploy, validate or try a template: its body, read into a plan. */
import type { Caller } from '@keystead/identity'
import {
  invalidRequestContent,
  notImplemented,
  type OperationContext,
  type ResourceManager,
  resourceGroupNotFound,
} from '@keystead/resource-manager'
import { z } from 'zod'
import {
  asArmError,
  completeModeNotAllowed,
  invalidDeploymentName,
  invalidScope,
  keyVaultReferenceFailed,
  locationRequired,
  templateRequired,
} from './errors.ts'
import type { DeploymentFacts } from './expression/scope.ts'
import { isObject, type ObjectValue } from './expression/values.ts'
import { type Plan, planDeployment } from './template/plan.ts'
import { SourceText } from './template/source-text.ts'
import { parseTemplate } from './template/template.ts'

const keyVaultReference = z.object({
  keyVault: z.object({ id: z.string().startsWith('/') }),
  secretName: z.string().min(1),
  secretVersion: z.string().nullish(),
})
export type KeyVaultReference = z.infer<typeof keyVaultReference>

const given = z.union([z.object({ reference: keyVaultReference }), z.looseObject({ value: z.unknown() })])

const body = z.object({
  location: z.string().nullish(),
  tags: z.record(z.string(), z.string()).nullish(),
  properties: z.looseObject({
    mode: z
      .enum(['Incremental', 'Complete'], "The deployment mode is 'Incremental' or 'Complete'")
      .nullish()
      .transform((mode) => mode ?? 'Incremental'),
    template: z.record(z.string(), z.unknown()).nullish(),
    parameters: z.record(z.string(), given.nullable()).nullish(),
    whatIfSettings: z.object({ resultFormat: z.string().nullish() }).nullish(),
  }),
})

/** What a deployment can be asked for and is not done here: refused rather than ignored. */
const undone = ['templateLink', 'parametersLink', 'onErrorDeployment', 'externalInputs', 'extensionConfigs'] as const

/** Reads a vault's secret for a parameter that refers to it; undefined when it is not there. */
export type SecretOfVault = (reference: {
  readonly vaultId: string
  readonly name: string
  /** Empty: the latest. */
  readonly version: string
}) => Promise<{ readonly value: string } | { readonly refused: string }>

export interface DeploymentRequest {
  readonly plan: Plan
  readonly source: SourceText
  readonly template: ObjectValue
  readonly tags?: Readonly<Record<string, string>>
  readonly location?: string
  readonly resultFormat: 'FullResourcePayloads' | 'ResourceIdOnly'
}

/** Throws ArmError 400 for a body, a template or a parameter that is wrong. */
export async function readRequest(
  context: OperationContext,
  subscriptions: ResourceManager['subscriptions'],
  secretOf: SecretOfVault,
): Promise<DeploymentRequest> {
  if (typeof context.body !== 'string') throw templateRequired()
  const source = new SourceText(context.body)
  const parsed = body.safeParse(source.value())
  if (!parsed.success) {
    const [issue] = parsed.error.issues
    throw invalidRequestContent(
      `${issue?.message ?? 'The content is not valid'}. Path '${issue?.path.join('.') ?? ''}'`,
    )
  }
  const { properties, tags } = parsed.data
  for (const name of undone) {
    if (properties[name] != null) throw notImplemented(`The property '${name}' of a deployment`)
  }
  const { template, mode } = properties
  if (template == null) throw templateRequired()
  const location = parsed.data.location ?? undefined
  const facts = await factsOf(context, subscriptions, mode, location)
  try {
    const plan = planDeployment({
      template: parseTemplate(template),
      parameters: await valuesOf(properties.parameters ?? {}, context, secretOf),
      facts,
    })
    return {
      plan,
      source,
      template,
      ...(tags != null && { tags }),
      ...(location !== undefined && { location }),
      resultFormat:
        properties.whatIfSettings?.resultFormat === 'ResourceIdOnly' ? 'ResourceIdOnly' : 'FullResourcePayloads',
    }
  } catch (error) {
    throw asArmError(error, source)
  }
}

async function factsOf(
  { id, resources, caller, clock }: OperationContext,
  subscriptions: ResourceManager['subscriptions'],
  mode: DeploymentFacts['mode'],
  location: string | undefined,
): Promise<DeploymentFacts> {
  const name = id.names[0] ?? ''
  if (!/^[-\w.()]{1,64}$/.test(name)) throw invalidDeploymentName(name)
  if (id.subscriptionId === undefined || id.scope !== undefined) throw invalidScope()
  const subscription = subscriptions.find(id.subscriptionId) ?? subscriptions.first
  const facts = {
    name,
    tenantId: subscription.tenantId,
    subscription: { id: subscription.id, displayName: subscription.displayName },
    mode,
    startedAt: clock(),
    caller: callerFacts(caller),
  }
  if (id.resourceGroup === undefined) {
    if (location === undefined || location === '') throw locationRequired()
    if (mode === 'Complete') throw completeModeNotAllowed()
    return { ...facts, location }
  }
  return { ...facts, resourceGroup: await groupFacts(resources, subscription.id, id.resourceGroup) }
}

/** The group as `resourceGroup()` gives it. Throws ArmError 404. */
export async function groupFacts(
  resources: OperationContext['resources'],
  subscriptionId: string,
  group: string,
): Promise<ObjectValue & { readonly id: string; readonly name: string }> {
  const found = await resources.get(`/subscriptions/${subscriptionId}/resourceGroups/${group}`)
  if (found === undefined) throw resourceGroupNotFound(group)
  const { id, name, type, location, tags = {}, properties } = found
  return { id, name, type, location, tags, properties: { provisioningState: properties.provisioningState } }
}

function callerFacts({ objectId, tenantId, userPrincipalName }: Caller): DeploymentFacts['caller'] {
  return { objectId, tenantId, ...(userPrincipalName !== undefined && { userPrincipalName }) }
}

async function valuesOf(
  parameters: Readonly<Record<string, z.infer<typeof given> | null>>,
  context: OperationContext,
  secretOf: SecretOfVault,
): Promise<ObjectValue> {
  const values: [string, unknown][] = []
  for (const [name, parameter] of Object.entries(parameters)) {
    if (parameter === null) continue
    if (!('reference' in parameter) || !isObject(parameter.reference)) {
      if ('value' in parameter) values.push([name, parameter.value])
      continue
    }
    const { keyVault, secretName, secretVersion } = keyVaultReference.parse(parameter.reference)
    // What stands between a caller and the secrets of a vault that they cannot read ("Use Key Vault to pass secure parameter value").
    context.require('Microsoft.KeyVault/vaults/deploy/action', keyVault.id)
    const secret = await secretOf({ vaultId: keyVault.id, name: secretName, version: secretVersion ?? '' })
    if ('refused' in secret) throw keyVaultReferenceFailed(name, secret.refused)
    values.push([name, secret.value])
  }
  return Object.fromEntries(values)
}
