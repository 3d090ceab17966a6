/** Deployments and their operations as answers show them. */
import { createHash } from 'node:crypto'
import type { Resource } from '@keystead/resource-manager'
import type { ObjectValue } from './expression/values.ts'
import type { DeploymentOperation } from './records.ts'
import { deploymentType } from './template/nested.ts'
import type { Plan, PlannedResource } from './template/plan.ts'

/** What an operation's `statusCode` says for an HTTP status. */
export const statusNames: Readonly<Record<number, string>> = {
  200: 'OK',
  201: 'Created',
  202: 'Accepted',
  204: 'NoContent',
  400: 'BadRequest',
  403: 'Forbidden',
  404: 'NotFound',
  409: 'Conflict',
  412: 'PreconditionFailed',
  500: 'InternalServerError',
  501: 'NotImplemented',
  503: 'ServiceUnavailable',
}

/** Milliseconds as an ISO 8601 duration. */
export function isoDuration(milliseconds: number): string {
  return `PT${Math.max(0, milliseconds) / 1000}S`
}

/** The same resource has the same operation each time the deployment is carried on. */
export function operationIdOf(resourceId: string): string {
  return createHash('sha256').update(resourceId.toLowerCase()).digest('hex').slice(0, 16).toUpperCase()
}

/** Identifies a template by what it says, in decimal digits as on Azure; the number itself is Keystead's own. */
export function templateHash(template: ObjectValue): string {
  return createHash('sha256').update(JSON.stringify(template)).digest().readBigUInt64BE(0).toString()
}

export function deploymentBody({ id, name, location, tags, properties }: Resource): ObjectValue {
  return {
    id,
    name,
    type: deploymentType,
    ...(location !== undefined && { location }),
    ...(tags !== undefined && { tags }),
    properties,
  }
}

export function operationBody(deploymentId: string, { operationId, properties }: DeploymentOperation): ObjectValue {
  return { id: `${deploymentId}/operations/${operationId}`, operationId, properties }
}

/** What is known of a deployment before it runs. */
export function plannedProperties(plan: Plan): ObjectValue {
  const { template, parameters, resources, scope } = plan
  const deployed = resources.filter((each) => each.deployed)
  return {
    templateHash: templateHash(template.source),
    parameters: parameters.shown,
    mode: scope.facts.mode,
    providers: providersOf(deployed),
    dependencies: deployed
      .filter((each) => each.dependsOn.size > 0)
      .map((each) => ({ dependsOn: [...each.dependsOn].map(named), ...named(each) })),
  }
}

function named({ id, type, name }: PlannedResource) {
  return { id, resourceType: type, resourceName: name }
}

function providersOf(resources: readonly PlannedResource[]) {
  const byNamespace = new Map<string, Set<string>>()
  for (const { type } of resources) {
    const [namespace = '', ...rest] = type.split('/')
    byNamespace.set(namespace, (byNamespace.get(namespace) ?? new Set()).add(rest.join('/')))
  }
  return [...byNamespace].map(([namespace, types]) => ({
    namespace,
    resourceTypes: [...types].map((resourceType) => ({ resourceType, locations: [null] })),
  }))
}
