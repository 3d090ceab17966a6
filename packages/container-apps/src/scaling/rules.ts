/** The scale rules of a revision, parsed into what measures them. */
import type { RevisionSpec, ScaleRule } from '../platform/platform.ts'

/** What Azure adds where an app with ingress has no rule. */
const DEFAULT_CONCURRENT_REQUESTS = 10
const DEFAULT_QUEUE_LENGTH = 5

export type Rule =
  | { readonly kind: 'http'; readonly name: string; readonly concurrentRequests: number }
  | {
      readonly kind: 'cpu'
      readonly name: string
      /** Per cent of a replica's cores. */
      readonly utilization: number
    }
  | AzureQueueRule

export interface AzureQueueRule {
  readonly kind: 'azure-queue'
  readonly name: string
  readonly queueName: string
  readonly queueLength: number
  /** By the connection string in a secret of the app, or by an identity, whose account is then named. */
  readonly access:
    | { readonly connectionSecret: string }
    | { readonly accountName: string; readonly endpointSuffix: string; readonly identity: string }
}

/** Says what is wrong with a rule, or that it is not implemented; its message is for a person. */
export class ScaleRuleError extends Error {
  override readonly name = 'ScaleRuleError'
}

export interface ParsedRules {
  readonly rules: readonly Rule[]
  /** Rules that do not take part. */
  readonly refused: readonly ScaleRuleError[]
}

export function parseRules({ scale, targetPort }: Pick<RevisionSpec, 'scale' | 'targetPort'>): ParsedRules {
  if (scale.rules.length === 0) {
    const http: Rule = { kind: 'http', name: 'http-scaler', concurrentRequests: DEFAULT_CONCURRENT_REQUESTS }
    return { rules: targetPort === undefined ? [] : [http], refused: [] }
  }
  const rules: Rule[] = []
  const refused: ScaleRuleError[] = []
  for (const rule of scale.rules) {
    try {
      rules.push(parseRule(rule))
    } catch (error) {
      if (!(error instanceof ScaleRuleError)) throw error
      refused.push(error)
    }
  }
  return { rules, refused }
}

/** Throws {@link ScaleRuleError}. */
function parseRule(rule: ScaleRule): Rule {
  const { name, metadata } = rule
  const scaler = rule.type === 'custom' ? (rule.customType ?? '') : rule.type
  switch (scaler) {
    case 'http':
      return { kind: 'http', name, concurrentRequests: count(rule, 'concurrentRequests', DEFAULT_CONCURRENT_REQUESTS) }
    case 'cpu':
      if ((metadata.type ?? metadata.metricType ?? 'Utilization') !== 'Utilization') {
        throw new ScaleRuleError(`scale rule "${name}": a cpu rule has the type Utilization`)
      }
      return { kind: 'cpu', name, utilization: count(rule, 'value') }
    case 'azure-queue':
      return parseQueue(rule)
    default:
      throw new ScaleRuleError(
        `scale rule "${name}": ${scaler || 'this'} rules are not implemented, see docs/status.md`,
      )
  }
}

function parseQueue(rule: ScaleRule): AzureQueueRule {
  const { name, metadata, auth, identity } = rule
  const { queueName, accountName, endpointSuffix = 'queue.core.windows.net' } = metadata
  if (!queueName) throw new ScaleRuleError(`scale rule "${name}" names no queue (queueName)`)
  const common = {
    kind: 'azure-queue',
    name,
    queueName,
    queueLength: count(rule, 'queueLength', DEFAULT_QUEUE_LENGTH),
  } as const
  const connection = auth.find(({ triggerParameter }) => triggerParameter === 'connection')
  if (connection) return { ...common, access: { connectionSecret: connection.secretRef } }
  if (!identity || !accountName) {
    throw new ScaleRuleError(
      `scale rule "${name}" has neither a secret for its connection nor an identity and the accountName it reads`,
    )
  }
  return { ...common, access: { accountName, endpointSuffix, identity } }
}

function count({ name, metadata }: ScaleRule, key: string, fallback?: number): number {
  const text = metadata[key]
  if (text === undefined && fallback !== undefined) return fallback
  const value = Number(text)
  if (text === undefined || !Number.isInteger(value) || value < 1) {
    throw new ScaleRuleError(`scale rule "${name}": ${key} is a whole number from 1, not "${text ?? ''}"`)
  }
  return value
}
