/** Clusters as a person's scripts for AKS see them: shown by az, handed over by az, attached and detached by keystead. */
import { generateKeyPairSync } from 'node:crypto'
import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { Az } from '../support/az.ts'
import { keysteadCommand, run, succeed, TestCloud } from '../support/cloud.ts'

interface Cluster {
  readonly id: string
  readonly nodeResourceGroup: string
  readonly powerState: { readonly code: string }
  readonly servicePrincipalProfile: { readonly clientId: string }
  readonly identityProfile: {
    readonly kubeletidentity: { readonly clientId: string; readonly objectId: string; readonly resourceId: string }
  } | null
}

let cloud: TestCloud
let az: Az
let kubeconfig: string
const token = `token-${generateKeyPairSync('ed25519').publicKey.export({ type: 'spki', format: 'der' }).toString('hex')}`

beforeAll(async () => {
  cloud = await TestCloud.start()
  az = await Az.asOwner(cloud)
  await az.succeed('az group create -n rg-aks -l northeurope -o none')
  kubeconfig = join(az.home, 'cluster.yaml')
  // Nothing listens there: what the cloud says of such a cluster is what it knows by itself.
  await writeFile(
    kubeconfig,
    `apiVersion: v1
kind: Config
current-context: aks1
contexts: [{ name: aks1, context: { cluster: aks1, user: person } }]
clusters: [{ name: aks1, cluster: { server: 'https://127.0.0.1:1' } }]
users: [{ name: person, user: { token: ${token} } }]
`,
  )
})
afterAll(async () => {
  await az?.[Symbol.asyncDispose]()
  await cloud?.[Symbol.asyncDispose]()
})

const aks = (...words: string[]) => run(keysteadCommand, ['aks', ...words, '--data-dir', cloud.dataDirectory])
const attach = (name: string, ...more: string[]) =>
  aks('attach', '--name', name, '--resource-group', 'rg-aks', '--kubeconfig', kubeconfig, ...more)

test('an attached cluster has a node resource group with a real identity, which can be given a role', async () => {
  const { stderr } = await succeed(attach('aks1'))
  expect(stderr).toContain('The cluster does not answer now: its power state is Unknown.')
  const shown = await az.json<Cluster>('az aks show -g rg-aks -n aks1')
  expect(shown).toMatchObject({
    name: 'aks1',
    location: 'northeurope',
    provisioningState: 'Succeeded',
    powerState: { code: 'Unknown' },
    nodeResourceGroup: 'MC_rg-aks_aks1_northeurope',
    servicePrincipalProfile: { clientId: 'msi' },
  })
  const clientId = await az.text('az aks show -g rg-aks -n aks1 --query identityProfile.kubeletidentity.clientId -otsv')
  const identity = await az.json('az identity show -g MC_rg-aks_aks1_northeurope -n aks1-agentpool')
  expect(identity).toMatchObject({
    clientId,
    principalId: shown.identityProfile?.kubeletidentity.objectId,
    id: shown.identityProfile?.kubeletidentity.resourceId,
  })
  await az.succeed(
    'az role assignment create --role "Reader" --assignee "$clientId" --scope "/subscriptions/$AZURE_SUBSCRIPTION_ID/resourcegroups/rg-aks" -o none',
    { clientId },
  )
  expect(await az.text('az aks list --query "[].name" -o tsv')).toBe('aks1')
  expect((await az.refused('az aks show -g rg-aks -n none')).message).toMatch(/ResourceNotFound/)
})

test('a cluster with an application tells its client id, and has no identity', async () => {
  const application = await az.json<{ appId: string }>(
    'az ad sp create-for-rbac --display-name aks-app --only-show-errors',
  )
  await succeed(attach('aks2', '--service-principal', application.appId, '--location', 'westeurope'))
  expect(await az.text('az aks show -g rg-aks -n aks2 --query servicePrincipalProfile.clientId -otsv')).toBe(
    application.appId,
  )
  const list = JSON.parse((await succeed(aks('list', '--output', 'json'))).stdout) as {
    name: string
    properties: { identityProfile?: unknown }
  }[]
  expect(list.map(({ name, properties }) => [name, properties.identityProfile !== undefined])).toEqual([
    ['aks1', true],
    ['aks2', false],
  ])
  const unknown = await attach('aks3', '--service-principal', '00000000-0000-4000-8000-000000000000')
  expect(unknown.code).toBe(1)
  expect(unknown.stderr).toMatch(/^error: ServicePrincipalNotFound: /)
})

test('its kubeconfig is handed over to who may have it, and is nowhere else', async () => {
  const get = 'az aks get-credentials -g rg-aks -n aks1 --file "$HOME/got.yaml" --overwrite-existing'
  await az.succeed(get)
  expect(await readFile(join(az.home, 'got.yaml'), 'utf8')).toContain(token)
  expect(await az.text('kubectl --kubeconfig got.yaml config current-context')).toBe('aks1')
  const reader = await az.json<{ appId: string; password: string; tenant: string }>(
    `az ad sp create-for-rbac --display-name aks-reader --role Reader --scopes "/subscriptions/$AZURE_SUBSCRIPTION_ID/resourceGroups/rg-aks" --only-show-errors`,
  )
  await using other = await Az.at(cloud)
  await other.signIn({ clientId: reader.appId, clientSecret: reader.password, tenantId: reader.tenant })
  const { message } = await other.refused(get)
  expect(message).toMatch(/AuthorizationFailed.*managedClusters\/listClusterUserCredential\/action/s)
  await az.succeed(
    'az role assignment create --role "Azure Kubernetes Service Cluster User Role" --assignee "$who" --scope "/subscriptions/$AZURE_SUBSCRIPTION_ID/resourceGroups/rg-aks" -o none',
    { who: reader.appId },
  )
  await other.succeed(get)
  expect((await other.refused(`${get} --admin`)).message).toContain('listClusterAdminCredential/action')
  const database = await readFile(join(cloud.dataDirectory, 'keystead.db'), 'latin1')
  const log = (await cloud.keystead('logs')).stdout
  for (const text of [database, log, await az.text('az aks show -g rg-aks -n aks1')]) expect(text).not.toContain(token)
})

test('clusters are not made, and what is no kubeconfig is refused without being quoted', async () => {
  const { message } = await az.refused('az aks create -g rg-aks -n made --no-ssh-key')
  expect(message).toMatch(/NotImplemented.*keystead aks attach/s)
  await writeFile(kubeconfig, (await readFile(kubeconfig, 'utf8')).replace('https://', 'http://'))
  const plain = await attach('aks4')
  expect(plain.code).toBe(1)
  expect(plain.stderr).toMatch(/^error: InvalidParameter: The kubeconfig can not be used: 'clusters.0.cluster.server'/)
  expect(plain.stderr).not.toContain(token)
})

test('a detached cluster is gone with its node resource group', async () => {
  await succeed(aks('detach', '--name', 'aks1', '--resource-group', 'rg-aks'))
  expect(await az.json('az group exists -n MC_rg-aks_aks1_northeurope')).toBe(false)
  await az.succeed('az aks delete -g rg-aks -n aks2 --yes')
  expect(await az.json('az aks list')).toEqual([])
  expect((await az.refused('az aks get-credentials -g rg-aks -n aks1 --file no.yaml')).message).toMatch(/NotFound/)
  const again = await aks('detach', '--name', 'aks1', '--resource-group', 'rg-aks')
  expect([again.code, again.stderr.split(':').slice(0, 2).join(':')]).toEqual([1, 'error: ResourceNotFound'])
})
