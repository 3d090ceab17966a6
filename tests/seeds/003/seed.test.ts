/**
 * "Azure Key Vault with Managed Identities on Kubernetes", of the years when a new vault had access policies: with an az
 * of those years as it is written, and with today's and the one flag that it needs.
 */
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { Az } from '../../support/az.ts'
import { keysteadCommand, root, run, succeed, TestCloud } from '../../support/cloud.ts'
import { Provisioner } from '../../support/provisioner.ts'
import { answerOf, asking, componentFiles, filled, runApp } from '../seed.ts'

/** In the order in which a reader types them. What PowerShell keeps in `$clientId`, bash does as well. */
const commands = {
  setSubscription: 'az account set -s [your subscription id]',
  createVault: 'az keyvault create --location [region] --name [your keyvault] --resource-group [your resource group]',
  createIdentity: 'az identity create -g [your resource group] -n [you managed identity name] -o json',
  showCluster: 'az aks show -g <AKSResourceGroup> -n <AKSClusterName>',
  principalOfCluster:
    'az aks show -g <AKSResourceGroup> -n <AKSClusterName> --query servicePrincipalProfile.clientId -otsv',
  identityOfCluster:
    'az aks show -g <AKSResourceGroup> -n <AKSClusterName> --query identityProfile.kubeletidentity.clientId -otsv',
  reader:
    'az role assignment create --role "Reader" --assignee $clientId --scope /subscriptions/[your subscription id]/resourcegroups/[your resource group]',
  identityOperator:
    'az role assignment create  --role "Managed Identity Operator"  --assignee $clientId  --scope /subscriptions/[your subscription id]/resourcegroups/[your resource group]',
  machineContributor:
    'az role assignment create  --role "Virtual Machine Contributor"  --assignee $clientId  --scope /subscriptions/[your subscription id]/resourcegroups/[your resource group]',
  setPolicy: 'az keyvault set-policy --name [your keyvault] --spn $clientId --secret-permissions get list',
} as const

const component = `
apiVersion: dapr.io/v1alpha1
kind: Component
metadata:
  name: azurekeyvault
  namespace: default
spec:
  type: secretstores.azure.keyvault
  version: v1
  metadata:
  - name: vaultName
    value: [your_keyvault_name]
  - name: spnClientId
    value: [your_managed_identity_client_id]
`

let cloud: TestCloud
let owner: Provisioner
let kubeconfigs: string | undefined

beforeAll(async () => {
  cloud = await TestCloud.start()
  await cloud.connect()
  owner = await Provisioner.asOwner(cloud.environment)
  kubeconfigs = await mkdtemp(join(tmpdir(), 'keystead-kubeconfig-'))
  const kubeconfig = join(kubeconfigs, 'config')
  // Nothing listens there: what is asked of the clusters is what Azure knows of them.
  await writeFile(
    kubeconfig,
    `apiVersion: v1
kind: Config
current-context: c
contexts: [{ name: c, context: { cluster: c, user: person } }]
clusters: [{ name: c, cluster: { server: 'https://127.0.0.1:1' } }]
users: [{ name: person, user: { token: none } }]
`,
  )
  const attach = (name: string, ...more: string[]) => {
    const where = ['--resource-group', 'rg', '--kubeconfig', kubeconfig, '--data-dir', cloud.dataDirectory]
    return succeed(run(keysteadCommand, ['aks', 'attach', '--name', name, ...where, ...more]))
  }
  await attach('with-identity')
  await attach('with-principal', '--service-principal', cloud.environment.AZURE_CLIENT_ID)
})
afterAll(async () => {
  await cloud?.[Symbol.asyncDispose]()
  if (kubeconfigs !== undefined) await rm(kubeconfigs, { recursive: true })
})

const namesOf = (vault: string, identity: string) => ({
  'your subscription id': owner.subscriptionId,
  region: 'westeurope',
  'your keyvault': vault,
  'your resource group': 'rg',
  'you managed identity name': identity,
})

async function signedIn(changes: Record<string, string>): Promise<Az> {
  const az = await Az.at(cloud, changes)
  const { AZURE_CLIENT_ID, AZURE_CLIENT_SECRET } = cloud.environment
  await az.signIn({ clientId: AZURE_CLIENT_ID, clientSecret: AZURE_CLIENT_SECRET, tenantId: owner.tenantId })
  return az
}

interface Identity {
  readonly id: string
  readonly clientId: string
  readonly principalId: string
}

/** Steps 3 and 4 for a cluster with a service principal, and for one with the identity that was made for it. */
async function identityOfCluster(az: Az): Promise<Identity> {
  const at = (cluster: string) => ({ AKSResourceGroup: 'rg', AKSClusterName: cluster })
  expect(await az.text(filled(commands.principalOfCluster, at('with-principal')))).toBe(
    cloud.environment.AZURE_CLIENT_ID,
  )
  const clientId = await az.text(filled(commands.identityOfCluster, at('with-identity')))
  const cluster = await az.json<{ identityProfile: { kubeletidentity: { resourceId: string; objectId: string } } }>(
    filled(commands.showCluster, at('with-identity')),
  )
  const { resourceId, objectId } = cluster.identityProfile.kubeletidentity
  return { id: resourceId, clientId, principalId: objectId }
}

/** Steps 5 to 7 and the component, on a vault with access policies: refused before the policy, and then not. */
async function fromIdentityToSecret(az: Az, vault: string, { id, clientId, principalId }: Identity): Promise<void> {
  const names = namesOf(vault, '')
  for (const command of [commands.reader, commands.identityOperator, commands.machineContributor]) {
    const assignment = await az.json<{ principalId: string; scope: string }>(filled(command, names), { clientId })
    expect(assignment.principalId).toBe(principalId)
    expect(assignment.scope.toLowerCase()).toBe(owner.group.toLowerCase())
  }
  await az.succeed(`az keyvault secret set --vault-name ${vault} --name redis-password --value "$value" -o none`, {
    value: 'of the identity',
  })
  const resources = await componentFiles(az, {
    'azurekeyvault.yaml': filled(component, {
      your_keyvault_name: vault,
      your_managed_identity_client_id: clientId,
    }),
  })
  const app = { appId: 'app', identity: id, resources }
  const ask = asking('/v1.0/secrets/azurekeyvault/redis-password')

  // The three roles at the group let nobody read a secret.
  const refused = answerOf(await runApp(cloud, app, ...ask))
  expect(refused.status).toBe(500)
  expect(JSON.parse(refused.body).message).toContain(
    `The user, group or application 'appid=${clientId};oid=${principalId};iss=https://sts.windows.net/${owner.tenantId}/' does not have secrets get permission on key vault '${vault};location=westeurope'.`,
  )
  await az.succeed(filled(commands.setPolicy, names), { clientId })
  const read = await owner.keyVault.vaults.get('rg', vault)
  const policy = read.properties.accessPolicies?.find(({ objectId }) => objectId === principalId)
  expect(policy?.permissions.secrets?.toSorted()).toEqual(['get', 'list'])
  const { status, body } = answerOf(await runApp(cloud, app, ...ask))
  expect([status, JSON.parse(body)]).toEqual([200, { 'redis-password': 'of the identity' }])
}

describe("today's az", () => {
  let az: Az
  beforeAll(async () => {
    az = await signedIn({})
    await az.succeed(filled(commands.setSubscription, namesOf('', '')))
  })
  afterAll(() => az?.[Symbol.asyncDispose]())

  test('makes a vault that decides by roles, and refuses to set its policies', async () => {
    const names = namesOf('kv-as-written', '')
    expect(await az.json(filled(commands.createVault, names))).toMatchObject({
      properties: { enableRbacAuthorization: true, accessPolicies: [] },
    })
    const clientId = cloud.environment.AZURE_CLIENT_ID
    expect((await az.refused(filled(commands.setPolicy, names), { clientId })).message).toBe(
      "Cannot set policies to a vault with '--enable-rbac-authorization' specified",
    )
  })

  test('with --enable-rbac-authorization false comes to the secret', async () => {
    await az.succeed(`${filled(commands.createVault, namesOf('kv-today', ''))} --enable-rbac-authorization false`)
    await fromIdentityToSecret(az, 'kv-today', await identityOfCluster(az))
  })
})

describe('an az of the years when access policies were the default', () => {
  let az: Az
  beforeAll(async () => {
    const { stdout } = await succeed(run('sh', [join(root, 'scripts/install-old-az.sh')]))
    az = await signedIn({ PATH: `${join(stdout.trim(), 'bin')}:${process.env.PATH ?? ''}` })
    await az.succeed(filled(commands.setSubscription, namesOf('', '')))
  }, 900_000)
  afterAll(() => az?.[Symbol.asyncDispose]())

  test('comes to the secret by the commands as they are written', async () => {
    expect(await az.json('az version --query \'"azure-cli"\'')).toBe('2.51.0')
    expect(await az.json(filled(commands.createVault, namesOf('kv-then', '')))).toMatchObject({
      properties: { enableRbacAuthorization: false, accessPolicies: [{ permissions: { secrets: ['all'] } }] },
    })
    await identityOfCluster(az)
    const identity = await az.json<Identity>(filled(commands.createIdentity, namesOf('kv-then', 'id-then')))
    await fromIdentityToSecret(az, 'kv-then', identity)
  })
})
