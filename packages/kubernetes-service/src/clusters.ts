/** Clusters as resources: attached by a kubeconfig, told of with what Azure makes around a cluster, and handed over. */
import type { Directory } from '@keystead/identity'
import {
  ArmError,
  notImplemented,
  type OperationContext,
  type OperationResult,
  pageOfResources,
  type Resource,
  type ResourceManager,
  resourceNotFound,
} from '@keystead/resource-manager'
import { z } from 'zod'
import type { ClusterAnswer } from './cluster-probe.ts'
import type { ClusterCredentials } from './credentials.ts'
import { type ClusterAccess, readKubeconfig } from './kubeconfig.ts'

export const clusterType = 'Microsoft.ContainerService/managedClusters'

const groupApiVersion = '2021-04-01'
const identityApiVersion = '2023-01-31'

export const clusterBody = z.object({
  location: z.string(),
  tags: z.record(z.string(), z.string()).optional(),
  properties: z
    .object({
      /** What `keystead aks attach` says of a cluster that there is. Azure's own body has no such member. */
      attach: z
        .object({
          kubeconfig: z
            .string()
            .min(1)
            .max(256 * 1024),
          /** An application whose credentials the cluster uses, instead of a managed identity. */
          servicePrincipalClientId: z.guid().optional(),
        })
        .optional(),
    })
    .optional(),
})
export type ClusterBody = z.infer<typeof clusterBody>

const storedProperties = z.object({
  nodeResourceGroup: z.string(),
  fqdn: z.string(),
  servicePrincipalClientId: z.string().optional(),
  kubeletIdentity: z.string().optional(),
  /** As the cluster last said. */
  version: z.string().optional(),
  issuer: z.string().optional(),
})
type StoredProperties = z.infer<typeof storedProperties>

export interface ClusterHandlersOptions {
  readonly directory: Directory
  readonly execute: ResourceManager['execute']
  readonly credentials: ClusterCredentials
  /** Undefined when the cluster does not answer. */
  readonly ask: (access: ClusterAccess) => Promise<ClusterAnswer | undefined>
}

export class ClusterHandlers {
  readonly #options: ClusterHandlersOptions

  constructor(options: ClusterHandlersOptions) {
    this.#options = options
  }

  /** Attaches a cluster, or attaches it anew: its node resource group stays. */
  async put(context: OperationContext<ClusterBody>): Promise<OperationResult> {
    const { id, path, body, resources } = context
    const attach = body.properties?.attach
    if (attach === undefined) {
      throw notImplemented('Creating a cluster (attach one that there is with `keystead aks attach`)')
    }
    const name = id.names.at(-1) ?? ''
    checkName(name)
    const access = readKubeconfig(attach.kubeconfig)
    const servicePrincipalClientId = attach.servicePrincipalClientId
    if (
      servicePrincipalClientId !== undefined &&
      (await this.#options.directory.servicePrincipal({ appId: servicePrincipalClientId })) === undefined
    ) {
      throw new ArmError(
        400,
        'ServicePrincipalNotFound',
        `Service principal clientID: ${servicePrincipalClientId} not found in Active Directory tenant ${this.#options.directory.tenantId}.`,
      )
    }
    const existing = await resources.get(path)
    const nodeResourceGroup =
      existing === undefined
        ? `MC_${id.resourceGroup}_${name}_${body.location}`.slice(0, 80)
        : storedProperties.parse(existing.properties).nodeResourceGroup
    const kubeletIdentity = await this.#makeNodeGroup(context, nodeResourceGroup, servicePrincipalClientId)
    await this.#options.credentials.put(path, attach.kubeconfig)
    const answer = await this.#options.ask(access)
    const properties: StoredProperties = {
      nodeResourceGroup,
      fqdn: new URL(access.server).hostname,
      ...(servicePrincipalClientId === undefined ? {} : { servicePrincipalClientId }),
      ...(kubeletIdentity === undefined ? {} : { kubeletIdentity }),
      ...(answer === undefined ? {} : known(answer)),
    }
    const stored = await resources.put({
      id: path,
      name,
      type: clusterType,
      location: body.location,
      ...(body.tags === undefined ? {} : { tags: body.tags }),
      properties,
    })
    const shown = await this.#body(stored, answer)
    return { status: existing === undefined ? 201 : 200, body: shown }
  }

  /** Asks the cluster, so that what is told of it is true now. */
  async get({ id, path, resources }: OperationContext): Promise<OperationResult> {
    const resource = await resources.get(path)
    if (resource === undefined) throw resourceNotFound(id)
    const kubeconfig = await this.#options.credentials.get(path)
    const answer = kubeconfig === undefined ? undefined : await this.#options.ask(readKubeconfig(kubeconfig))
    return { status: 200, body: await this.#body(resource, answer) }
  }

  /** With what each cluster said when it was attached. */
  async list(context: OperationContext): Promise<OperationResult> {
    const path = `${context.path}/providers/${clusterType}`
    const clientIds = new Map<string, { clientId: string; principalId: string }>()
    for (const { properties } of await context.resources.list({ below: context.path, type: clusterType })) {
      const { kubeletIdentity } = storedProperties.parse(properties)
      const identity = kubeletIdentity && (await this.#options.directory.managedIdentity(kubeletIdentity))
      if (identity) clientIds.set(identity.resourceId, identity)
    }
    const filter = { below: context.path, type: clusterType }
    return {
      status: 200,
      body: await pageOfResources(context, path, filter, (resource) =>
        clusterResource(
          resource,
          undefined,
          clientIds.get(storedProperties.parse(resource.properties).kubeletIdentity ?? ''),
        ),
      ),
    }
  }

  /** Detaches the cluster, which itself stays as it is; its node resource group goes. */
  async delete({ path, resources, caller }: OperationContext): Promise<OperationResult> {
    const existing = await resources.get(path)
    if (existing === undefined) return { status: 204 }
    const { nodeResourceGroup } = storedProperties.parse(existing.properties)
    const group = nodeGroupPath(path, nodeResourceGroup)
    if ((await resources.get(group)) !== undefined) {
      await this.#options.execute({ caller, method: 'DELETE', path: group, apiVersion: groupApiVersion })
    }
    await this.forget(path)
    await resources.delete(path)
    return { status: 204 }
  }

  async credentials({ id, path }: OperationContext, name: string): Promise<OperationResult> {
    const kubeconfig = await this.#options.credentials.get(path)
    if (kubeconfig === undefined) throw resourceNotFound(id)
    return {
      status: 200,
      headers: { 'cache-control': 'no-store' },
      body: { kubeconfigs: [{ name, value: Buffer.from(kubeconfig).toString('base64') }] },
    }
  }

  forget(clusterId: string): Promise<void> {
    return this.#options.credentials.delete(clusterId)
  }

  /** The group and, where no application stands for the cluster, the identity that its nodes have. */
  async #makeNodeGroup(
    { path, id, caller, body }: OperationContext<ClusterBody>,
    group: string,
    servicePrincipalClientId: string | undefined,
  ): Promise<string | undefined> {
    const groupPath = nodeGroupPath(path, group)
    const { location } = body
    const name = id.names.at(-1) ?? ''
    const tags = { 'aks-managed-cluster-name': name, 'aks-managed-cluster-rg': id.resourceGroup ?? '' }
    await this.#options.execute({
      caller,
      method: 'PUT',
      path: groupPath,
      apiVersion: groupApiVersion,
      body: { location, tags, managedBy: path },
    })
    if (servicePrincipalClientId !== undefined) return undefined
    const identity = `${groupPath}/providers/Microsoft.ManagedIdentity/userAssignedIdentities/${name}-agentpool`
    await this.#options.execute({
      caller,
      method: 'PUT',
      path: identity,
      apiVersion: identityApiVersion,
      body: { location },
    })
    return identity
  }

  async #body(resource: Resource, answer: ClusterAnswer | undefined): Promise<unknown> {
    const { kubeletIdentity } = storedProperties.parse(resource.properties)
    const identity = kubeletIdentity && (await this.#options.directory.managedIdentity(kubeletIdentity))
    return clusterResource(resource, answer, identity || undefined)
  }
}

function known({ version, issuer }: ClusterAnswer): Pick<StoredProperties, 'version' | 'issuer'> {
  return { version, ...(issuer === undefined ? {} : { issuer }) }
}

/**
 * In Azure's words. Whether the cluster runs is not said of one that does not answer: `Unknown` is no word of Azure's,
 * whose control plane always knows.
 */
function clusterResource(
  { id, name, type, location, tags, properties }: Resource,
  answer: ClusterAnswer | undefined,
  kubelet: { readonly clientId: string; readonly principalId: string } | undefined,
): unknown {
  const stored = storedProperties.parse(properties)
  const { version, issuer } = answer === undefined ? stored : known(answer)
  return {
    id,
    name,
    type,
    location,
    ...(tags === undefined ? {} : { tags }),
    properties: {
      provisioningState: 'Succeeded',
      powerState: { code: answer === undefined ? 'Unknown' : 'Running' },
      fqdn: stored.fqdn,
      nodeResourceGroup: stored.nodeResourceGroup,
      servicePrincipalProfile: { clientId: stored.servicePrincipalClientId ?? 'msi' },
      ...(version === undefined ? {} : { kubernetesVersion: version, currentKubernetesVersion: version }),
      ...(issuer === undefined ? {} : { oidcIssuerProfile: { enabled: true, issuerURL: issuer } }),
      ...(kubelet === undefined
        ? {}
        : {
            identityProfile: {
              kubeletidentity: {
                resourceId: stored.kubeletIdentity,
                clientId: kubelet.clientId,
                objectId: kubelet.principalId,
              },
            },
          }),
    },
  }
}

function nodeGroupPath(clusterPath: string, group: string): string {
  return `${clusterPath.split('/').slice(0, 3).join('/')}/resourceGroups/${group}`
}

/** "Naming rules and restrictions for Azure resources", learn.microsoft.com. */
function checkName(name: string): void {
  if (/^[A-Za-z0-9](?:[A-Za-z0-9_-]{0,61}[A-Za-z0-9])?$/.test(name)) return
  throw new ArmError(
    400,
    'InvalidParameter',
    `The value '${name}' of parameter resourceName is invalid: 1 to 63 letters, digits, '-' and '_', and it starts and ends with a letter or a digit.`,
  )
}
