/** Microsoft.Resources/deployments as a resource provider: what Resource Manager answers about deployments. */
import { randomUUID } from 'node:crypto'
import {
  formatResourceId,
  notImplemented,
  type Operation,
  type OperationContext,
  type OperationResult,
  pageOfResources,
  parseResourceId,
  type Resource,
  type ResourceManager,
  type ResourceProvider,
} from '@keystead/resource-manager'
import { deploymentBody, operationBody, plannedProperties } from './answers.ts'
import { deploymentsApiVersions } from './api-versions.ts'
import { deploymentActive, deploymentNotFound, invalidScope, notCancellable, operationNotFound } from './errors.ts'
import { preflight } from './preflight.ts'
import { type DeploymentRecords, isActive } from './records.ts'
import { type DeploymentRequest, readRequest, type SecretOfVault } from './request.ts'
import type { DeploymentRuns } from './runs.ts'
import { deploymentType } from './template/nested.ts'
import { whatIf } from './what-if.ts'

export interface ProviderOptions {
  readonly manager: ResourceManager
  readonly records: DeploymentRecords
  readonly runs: DeploymentRuns
  readonly secretOf: SecretOfVault
}

const guid = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i

export function deploymentsProvider(options: ProviderOptions): ResourceProvider {
  const handlers = new DeploymentHandlers(options)
  const onResource = (name: string, method: Operation['method'], action: string, handle: Operation['handle']) =>
    ({ name, method, on: 'resource', action: `${deploymentType}/${action}`, handle }) satisfies Operation
  const verb = (name: string, verb: string, handle: Operation['handle'], content: 'json' | 'text' = 'json') =>
    ({ ...onResource(name, 'POST', `${verb}/action`, handle), verb, content }) satisfies Operation
  // The same operations are asked for at a group by a path without `providers`.
  const operationList = {
    name: 'DeploymentOperations_List',
    method: 'GET',
    on: 'collection',
    action: `${deploymentType}/operations/read`,
    handle: (context) => handlers.listOperations(context),
  } satisfies Operation
  const operationGet = onResource('DeploymentOperations_Get', 'GET', 'operations/read', (context) =>
    handlers.getOperation(context),
  )
  const apiVersions = deploymentsApiVersions
  return {
    namespace: 'Microsoft.Resources',
    types: [
      {
        type: 'deployments',
        apiVersions,
        anyScope: true,
        onDelete: (id) => options.records.forget(id),
        operations: [
          {
            ...onResource('Deployments_CreateOrUpdate', 'PUT', 'write', (context) => handlers.put(context)),
            content: 'text',
          },
          onResource('Deployments_Get', 'GET', 'read', (context) => handlers.get(context)),
          onResource('Deployments_Delete', 'DELETE', 'delete', (context) => handlers.delete(context)),
          {
            name: 'Deployments_List',
            method: 'GET',
            on: 'collection',
            action: `${deploymentType}/read`,
            handle: (context: OperationContext) => handlers.list(context),
          } satisfies Operation,
          verb('Deployments_Cancel', 'cancel', (context) => handlers.cancel(context)),
          verb('Deployments_Validate', 'validate', (context) => handlers.validate(context), 'text'),
          verb('Deployments_WhatIf', 'whatIf', (context) => handlers.whatIf(context), 'text'),
          verb('Deployments_ExportTemplate', 'exportTemplate', (context) => handlers.exportTemplate(context)),
        ],
      },
      { type: 'deployments/operations', apiVersions, anyScope: true, operations: [operationList, operationGet] },
      {
        type: 'subscriptions/resourceGroups/deployments/operations',
        apiVersions,
        operations: [operationList, operationGet],
      },
      {
        type: 'deployments/operationStatuses',
        apiVersions,
        anyScope: true,
        operations: [
          onResource('Deployments_GetStatus', 'GET', 'operationStatuses/read', (context) => handlers.status(context)),
        ],
      },
    ],
  }
}

class DeploymentHandlers {
  readonly #options: ProviderOptions

  constructor(options: ProviderOptions) {
    this.#options = options
  }

  async put(context: OperationContext): Promise<OperationResult> {
    const { records, runs } = this.#options
    const { path, caller, apiVersion, baseUrl, clock } = context
    const { plan, template, tags, location } = await this.#read(context)
    const existing = await records.get(path)
    if (existing !== undefined && isActive(existing)) {
      throw deploymentActive(existing.name, String(existing.properties.timestamp))
    }
    const runId = randomUUID()
    const correlation = context.headers['x-ms-correlation-request-id']
    const correlationId = correlation !== undefined && guid.test(correlation) ? correlation : randomUUID()
    const { facts } = plan.scope
    const stored = await records.begin(
      {
        id: existing?.id ?? path,
        name: existing?.name ?? facts.name,
        type: deploymentType,
        ...(location !== undefined && { location }),
        ...(tags !== undefined && { tags }),
        properties: {
          ...plannedProperties(plan),
          provisioningState: 'Accepted',
          timestamp: new Date(clock()).toISOString(),
          duration: 'PT0S',
          correlationId,
        },
      },
      runId,
      { template, parameters: plan.parameters.values, facts, caller, correlationId },
    )
    runs.start(stored.id)
    return {
      status: existing === undefined ? 201 : 200,
      body: deploymentBody(stored),
      headers: {
        'azure-asyncoperation': `${baseUrl}${encodeURI(stored.id)}/operationStatuses/${runId}?api-version=${apiVersion}`,
        'retry-after': '1',
      },
    }
  }

  async validate(context: OperationContext): Promise<OperationResult> {
    const { plan, tags, location } = await this.#read(context)
    const { path } = context
    const properties = {
      ...plannedProperties(plan),
      provisioningState: 'Succeeded',
      timestamp: new Date(context.clock()).toISOString(),
      duration: 'PT0S',
      correlationId: randomUUID(),
      validatedResources: plan.resources.filter((each) => each.deployed).map(({ id }) => ({ id })),
    }
    const { name } = plan.scope.facts
    return {
      status: 200,
      body: deploymentBody({
        id: path,
        name,
        type: deploymentType,
        ...(tags !== undefined && { tags }),
        ...(location !== undefined && { location }),
        properties,
        etag: '',
      }),
    }
  }

  async whatIf(context: OperationContext): Promise<OperationResult> {
    const { manager } = this.#options
    const request = await this.#read(context)
    const { resources, caller } = context
    const changes = await whatIf({ manager, resources, caller, request })
    return { status: 200, body: { status: 'Succeeded', properties: { correlationId: randomUUID(), changes } } }
  }

  async get(context: OperationContext): Promise<OperationResult> {
    return { status: 200, body: deploymentBody(await this.#find(context)) }
  }

  async status(context: OperationContext): Promise<OperationResult> {
    const { records } = this.#options
    const [name = '', runId = ''] = context.id.names
    const id = deploymentId(context)
    const record = await records.get(id)
    const run = await records.run(id)
    if (record === undefined) throw deploymentNotFound(name)
    if (run?.runId !== runId.toLowerCase()) throw operationNotFound(runId)
    const { provisioningState, error } = record.properties
    return {
      status: 200,
      body: { status: provisioningState, ...(error !== undefined && { error }) },
      ...(isActive(record) && { headers: { 'retry-after': '1' } }),
    }
  }

  async delete(context: OperationContext): Promise<OperationResult> {
    const { records } = this.#options
    const record = await records.get(context.path)
    if (record !== undefined && isActive(record)) {
      throw deploymentActive(record.name, String(record.properties.timestamp))
    }
    await records.delete(context.path)
    return { status: 204 }
  }

  /** The deployments to this very scope, the latest first. */
  async list(context: OperationContext): Promise<OperationResult> {
    const { path, query, id } = context
    if (id.scope !== undefined || id.subscriptionId === undefined) throw invalidScope()
    const state = /^\s*provisioningState\s+eq\s+'([^']*)'\s*$/i.exec(query.$filter ?? '')?.[1]
    if (query.$filter !== undefined && query.$filter !== '' && state === undefined) {
      throw notImplemented('This filter of deployments')
    }
    const here = (each: Resource) =>
      parseResourceId(each.id)?.resourceGroup?.toLowerCase() === id.resourceGroup?.toLowerCase()
    const page = await pageOfResources(
      context,
      `${path}/providers/${deploymentType}`,
      { below: path, type: deploymentType },
      deploymentBody,
      (each) =>
        here(each) &&
        (state === undefined || String(each.properties.provisioningState).toLowerCase() === state.toLowerCase()),
    )
    return { status: 200, body: page }
  }

  async cancel(context: OperationContext): Promise<OperationResult> {
    const record = await this.#find(context)
    if (!this.#options.runs.cancel(record.id)) {
      throw notCancellable(record.name, String(record.properties.provisioningState))
    }
    return { status: 204 }
  }

  async exportTemplate(context: OperationContext): Promise<OperationResult> {
    const { id, name } = await this.#find(context)
    const template = await this.#options.records.template(id)
    if (template === undefined) throw deploymentNotFound(name)
    return { status: 200, body: { template } }
  }

  async listOperations(context: OperationContext): Promise<OperationResult> {
    const { id } = await this.#find(context)
    const operations = await this.#options.records.operations(id)
    return { status: 200, body: { value: operations.map((each) => operationBody(id, each)) } }
  }

  async getOperation(context: OperationContext): Promise<OperationResult> {
    const { id } = await this.#find(context)
    const wanted = context.id.names.at(-1) ?? ''
    const operations = await this.#options.records.operations(id)
    const found = operations.find(({ operationId }) => operationId.toLowerCase() === wanted.toLowerCase())
    if (found === undefined) throw operationNotFound(wanted)
    return { status: 200, body: operationBody(id, found) }
  }

  async #read(context: OperationContext): Promise<DeploymentRequest> {
    const { manager, secretOf } = this.#options
    const { resources, caller } = context
    const request = await readRequest(context, manager.subscriptions, secretOf)
    await preflight({ manager, resources, caller, plan: request.plan, source: request.source })
    return request
  }

  async #find(context: OperationContext): Promise<Resource> {
    const id = deploymentId(context)
    const record = await this.#options.records.get(id)
    if (record === undefined) throw deploymentNotFound(id.split('/').at(-1) ?? '')
    return record
  }
}

/** Of the deployment that a request is about, by whichever of its paths. */
function deploymentId({ id, path }: OperationContext): string {
  const { subscriptionId, resourceGroup, namespace, names } = id
  // `/subscriptions/S/resourceGroups/G/deployments/N/operations`
  if (namespace === undefined) {
    return `/subscriptions/${subscriptionId}/resourceGroups/${resourceGroup}/providers/${deploymentType}/${names[2]}`
  }
  if (names.length === 0) return path
  return formatResourceId({ ...id, types: id.types.slice(0, 1), names: names.slice(0, 1) })
}
