/** `keystead aks`: attaches clusters that there are, through Resource Manager as everybody else reaches it. */
import { readFile } from 'node:fs/promises'
import { ResourceManagementClient } from '@azure/arm-resources'
import { clusterApiVersions } from '@keystead/kubernetes-service'
import { z } from 'zod'
import { CliError } from '../cli-error.ts'
import { connectAsOwner } from '../client/connect.ts'
import type { DataDirectory } from '../data-directory.ts'
import { type OutputFormat, printJson, printTable, progress } from '../output.ts'
import { requireRunning } from '../settings.ts'

const type = 'Microsoft.ContainerService/managedClusters'
const [apiVersion = ''] = clusterApiVersions

export interface ClusterName {
  readonly name: string
  readonly resourceGroup: string
}

export interface AttachOptions extends ClusterName {
  readonly kubeconfig: string
  readonly servicePrincipal?: string
  readonly location?: string
}

const cluster = z.object({
  id: z.string(),
  name: z.string(),
  location: z.string(),
  properties: z.object({
    nodeResourceGroup: z.string(),
    powerState: z.object({ code: z.string() }),
    fqdn: z.string(),
    identityProfile: z.object({ kubeletidentity: z.object({ clientId: z.string() }) }).optional(),
    servicePrincipalProfile: z.object({ clientId: z.string() }),
  }),
})

export async function attach(directory: DataDirectory, options: AttachOptions, output: OutputFormat): Promise<void> {
  const { client, idOf } = await connect(directory)
  const { name, resourceGroup, servicePrincipal } = options
  const kubeconfig = await readFile(options.kubeconfig, 'utf8').catch((error: Error) => {
    throw new CliError(`The kubeconfig can not be read: ${error.message}`, 'Give another file with --kubeconfig.')
  })
  const location = options.location ?? (await client.resourceGroups.get(resourceGroup).catch(refused)).location
  const answer = await client.resources
    .createOrUpdateById(idOf(options), apiVersion, {
      location,
      properties: { attach: { kubeconfig, servicePrincipalClientId: servicePrincipal } },
    })
    .catch(refused)
  const attached = cluster.parse(answer)
  if (output === 'json') {
    printJson(attached)
    return
  }
  const { nodeResourceGroup, identityProfile, servicePrincipalProfile, powerState } = attached.properties
  const clientId = identityProfile?.kubeletidentity.clientId ?? servicePrincipalProfile.clientId
  progress(`Attached ${name}; its nodes are in ${nodeResourceGroup}, and are ${clientId}.`)
  if (powerState.code !== 'Running') progress('The cluster does not answer now: its power state is Unknown.')
}

export async function list(directory: DataDirectory, output: OutputFormat): Promise<void> {
  const { client } = await connect(directory)
  const clusters: z.infer<typeof cluster>[] = []
  for await (const { id } of client.resources.list({ filter: `resourceType eq '${type}'` })) {
    clusters.push(cluster.parse(await client.resources.getById(id ?? '', apiVersion)))
  }
  if (output === 'json') {
    printJson(clusters)
    return
  }
  printTable(
    ['NAME', 'RESOURCE GROUP', 'STATE', 'SERVER'],
    clusters.map(({ id, name, properties }) => [
      name,
      id.split('/')[4] ?? '',
      properties.powerState.code,
      properties.fqdn,
    ]),
  )
}

export async function detach(directory: DataDirectory, options: ClusterName): Promise<void> {
  const { client, idOf } = await connect(directory)
  await client.resources.getById(idOf(options), apiVersion).catch(refused)
  await client.resources.deleteById(idOf(options), apiVersion).catch(refused)
}

async function connect(directory: DataDirectory) {
  const settings = await requireRunning(directory)
  const { credential } = await connectAsOwner(directory, settings)
  const { subscriptionId } = settings
  return {
    client: new ResourceManagementClient(credential, subscriptionId),
    idOf: ({ resourceGroup, name }: ClusterName) =>
      `/subscriptions/${subscriptionId}/resourceGroups/${resourceGroup}/providers/${type}/${name}`,
  }
}

function refused(error: { readonly code?: string; readonly message?: string }): never {
  throw new CliError(
    `${error.code ?? 'Error'}: ${error.message ?? ''}`,
    '`keystead aks list` shows what is attached; `az group list` shows the groups.',
  )
}
