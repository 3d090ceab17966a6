/** Groups, resources of any type, providers, locations, tags and locks with the Azure CLI, allowed and refused. */
import { ResourceManagementClient } from '@azure/arm-resources'
import { ClientSecretCredential } from '@azure/identity'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { addApplications, type TestApplication } from '../support/applications.ts'
import { Az } from '../support/az.ts'
import { TestCloud } from '../support/cloud.ts'

let cloud: TestCloud
let az: Az
/** Reads the group `rg-shown` and nothing else. */
let reader: Az
let readerApplication: TestApplication
let subscription: string
let shown: string

beforeAll(async () => {
  cloud = await TestCloud.start()
  readerApplication = (await addApplications(cloud, ['reader'])).reader
  await cloud.connect()
  subscription = `/subscriptions/${cloud.environment.AZURE_SUBSCRIPTION_ID}`
  shown = `${subscription}/resourceGroups/rg-shown`
  az = await Az.asOwner(cloud)
  await az.succeed(
    `az group create -n rg-shown -l westeurope --tags purpose=test --output none
    az role assignment create --role Reader --assignee-object-id "$who" --assignee-principal-type ServicePrincipal --scope "$scope" --output none`,
    { who: readerApplication.objectId, scope: shown },
  )
  reader = await Az.at(cloud)
  await reader.signIn({ ...readerApplication, tenantId: cloud.environment.AZURE_TENANT_ID })
})
afterAll(async () => {
  await az?.[Symbol.asyncDispose]()
  await reader?.[Symbol.asyncDispose]()
  await cloud?.[Symbol.asyncDispose]()
})

/** One clear sentence: who, what, where. */
const refusedReader = (action: string, scope: string) =>
  `(AuthorizationFailed) The client '${readerApplication.clientId}' with object id '${readerApplication.objectId}' does not have authorization to perform action '${action}' over scope '${scope}'`

describe('az group', () => {
  test('creates, lists by tag, changes, waits for and deletes', async () => {
    await az.succeed('az group create -n rg-passing -l "North Europe" --tags a=b --output none')
    expect(await az.json(`az group list --tag a=b --query "[].[name,location]"`)).toEqual([
      ['rg-passing', 'northeurope'],
    ])
    await az.succeed('az group update -n rg-passing --set tags.c=d --output none')
    expect(await az.json('az group show -n rg-passing --query tags')).toEqual({ a: 'b', c: 'd' })
    await az.succeed(
      `az identity create -g rg-passing -n id-passing --output none
      az group delete -n rg-passing --yes`,
    )
    expect(await az.text('az group exists -n rg-passing')).toBe('false')
  })

  test('is refused for a name, a location or a place that cannot be', async () => {
    expect((await az.refused('az group create -n "a b" -l westeurope')).message).toContain('(InvalidResourceGroup)')
    expect((await az.refused('az group export -n rg-shown')).message).toContain(
      "(NotImplemented) The operation 'exportTemplate' of a resource group is not implemented.",
    )
    expect((await az.refused('az group create -n rg-moon -l moonbase')).message).toContain(
      "(LocationNotAvailableForResourceGroup) The provided location 'moonbase' is not available for resource group.",
    )
    expect((await az.refused('az group create -n rg-shown -l northeurope')).message).toContain(
      "(InvalidResourceGroupLocation) Invalid resource group location 'northeurope'. The Resource group already exists in location 'westeurope'.",
    )
  })

  test('shows a reader of one group that group, and lets them change nothing', async () => {
    expect(await reader.text('az group list --query "[].name" -o tsv')).toBe('rg-shown')
    const { message } = await reader.refused('az group create -n rg-mine -l westeurope')
    expect(message).toContain(
      refusedReader('Microsoft.Resources/subscriptions/resourceGroups/write', `${subscription}/resourceGroups/rg-mine`),
    )
    expect((await reader.refused('az group delete -n rg-shown --yes')).message).toContain(
      refusedReader('Microsoft.Resources/subscriptions/resourceGroups/delete', shown),
    )
  })
})

describe('az resource', () => {
  const vault = '-g rg-shown -n kv-generic --resource-type Microsoft.KeyVault/vaults'

  test('creates, shows, lists, tags, changes and deletes whatever there is', async () => {
    const properties = JSON.stringify({
      tenantId: cloud.environment.AZURE_TENANT_ID,
      sku: { family: 'A', name: 'standard' },
      enableRbacAuthorization: true,
    })
    expect(
      await az.json(`az resource create ${vault} --properties "$properties" --query properties.vaultUri`, {
        properties,
      }),
    ).toBe('https://kv-generic.vault.azure.net/')
    await az.succeed(`az resource tag ${vault} --tags team=blue --output none`)
    expect(
      await az.json('az resource list --tag team=blue --query "[].[name,type,resourceGroup,provisioningState]"'),
    ).toEqual([['kv-generic', 'Microsoft.KeyVault/vaults', 'rg-shown', 'Succeeded']])
    await az.succeed(`az resource update ${vault} --set properties.enabledForDeployment=true --output none`)
    expect(await reader.json(`az resource show ${vault} --query "[tags,properties.enabledForDeployment]"`)).toEqual([
      { team: 'blue' },
      true,
    ])

    const { AZURE_TENANT_ID, AZURE_CLIENT_ID, AZURE_CLIENT_SECRET, AZURE_SUBSCRIPTION_ID } = cloud.environment
    const credential = new ClientSecretCredential(AZURE_TENANT_ID, AZURE_CLIENT_ID, AZURE_CLIENT_SECRET)
    const client = new ResourceManagementClient(credential, AZURE_SUBSCRIPTION_ID)
    const found: unknown[] = []
    for await (const { name, tags, location } of client.resources.listByResourceGroup('rg-shown')) {
      found.push({ name, tags, location })
    }
    expect(found).toEqual([{ name: 'kv-generic', tags: { team: 'blue' }, location: 'westeurope' }])

    expect((await reader.refused(`az resource update ${vault} --set tags.x=y`)).message).toContain(
      refusedReader('Microsoft.KeyVault/vaults/write', `${shown}/providers/Microsoft.KeyVault/vaults/kv-generic`),
    )
    await az.succeed(`az resource delete ${vault}`)
    expect((await az.refused(`az resource show ${vault}`)).message).toContain(
      "(ResourceNotFound) The Resource 'Microsoft.KeyVault/vaults/kv-generic' under resource group 'rg-shown' was not found.",
    )
  })

  test('calls the actions of a resource', async () => {
    await az.succeed(
      'az storage account create -g rg-shown -n stgeneric -l westeurope --sku Standard_LRS --output none',
    )
    const ids = `--ids ${shown}/providers/Microsoft.Storage/storageAccounts/stgeneric`
    // az prints nothing of what the action answers; what it did shows in the keys.
    const firstKey = () => az.text('az storage account keys list -g rg-shown -n stgeneric --query "[0].value" -o tsv')
    const before = await firstKey()
    await az.succeed(`az resource invoke-action --action regenerateKey --request-body '{"keyName":"key1"}' ${ids}`)
    expect(await firstKey()).not.toBe(before)
    expect((await reader.refused(`az resource invoke-action --action listKeys ${ids}`)).message).toContain(
      'Microsoft.Storage/storageAccounts/listKeys/action',
    )
  })

  test('is refused for a type, a version, a location or a group that there is not', async () => {
    const create = (words: string) => az.refused(`az resource create --properties '{}' ${words}`)
    expect((await create('-g rg-shown -n x --resource-type Microsoft.Nowhere/things')).message).toContain(
      "(InvalidResourceNamespace) The resource namespace 'Microsoft.Nowhere' is invalid.",
    )
    expect(
      (await create('-g rg-shown -n kv-old --resource-type Microsoft.KeyVault/vaults --api-version 1999-01-01'))
        .message,
    ).toContain('(NoRegisteredProviderFound) No registered resource provider found')
    expect(
      (await create('-g rg-shown -n kv-moon --resource-type Microsoft.KeyVault/vaults -l moonbase')).message,
    ).toContain(
      "(LocationNotAvailableForResourceType) The provided location 'moonbase' is not available for resource type 'Microsoft.KeyVault/vaults'.",
    )
    expect(
      (await create('-g rg-none -n kv-none --resource-type Microsoft.KeyVault/vaults -l westeurope')).message,
    ).toContain("(ResourceGroupNotFound) Resource group 'rg-none' could not be found.")
  })
})

describe('az provider and az account', () => {
  test('tell what there is, and where', async () => {
    const namespaces = await az.json<string[]>(
      `az provider list --query "[?registrationState=='Registered'].namespace"`,
    )
    expect(namespaces).toEqual(
      expect.arrayContaining([
        'Microsoft.Authorization',
        'Microsoft.KeyVault',
        'Microsoft.ManagedIdentity',
        'Microsoft.Storage',
      ]),
    )
    expect(
      await az.json(
        `az provider show -n Microsoft.KeyVault --query "resourceTypes[?resourceType=='vaults'].locations[] | contains(@, 'West Europe')"`,
      ),
    ).toBe(true)
    await az.succeed('az provider register -n Microsoft.Storage --wait')
    expect((await az.refused('az provider register -n Microsoft.Nowhere')).message).toContain(
      'InvalidResourceNamespace',
    )
    expect(await az.json(`az account list-locations --query "[?name=='westeurope'].displayName"`)).toEqual([
      'West Europe',
    ])
  })
})

describe('az tag', () => {
  test('sets, adds, takes and lists the tags of a scope', async () => {
    await az.succeed(`az tag create --resource-id ${shown} --tags a=1 b=2 --output none`)
    expect(
      await az.json(`az tag update --resource-id ${shown} --operation Merge --tags b=3 c=4 --query properties.tags`),
    ).toEqual({ a: '1', b: '3', c: '4' })
    expect(
      await az.json(`az tag update --resource-id ${shown} --operation Delete --tags a=1 --query properties.tags`),
    ).toEqual({ b: '3', c: '4' })
    expect(await reader.json(`az tag list --resource-id ${shown} --query properties.tags`)).toEqual({ b: '3', c: '4' })
    expect((await reader.refused(`az tag create --resource-id ${shown} --tags a=1`)).message).toContain(
      refusedReader('Microsoft.Resources/tags/write', `${shown}/providers/Microsoft.Resources/tags/default`),
    )
    await az.succeed(`az tag delete --resource-id ${shown} --yes`)
    expect(await az.json('az group show -n rg-shown --query tags')).toEqual({})
  })
})

describe('az lock', () => {
  test('that forbids deletion keeps a resource and its group', async () => {
    const id = await az.text('az identity create -g rg-shown -n id-kept --query id -o tsv')
    await az.succeed(`az lock create -n keep --resource ${id} --lock-type CanNotDelete --notes "in use" --output none`)
    expect(await reader.json('az lock list -g rg-shown --query "[].[name,level,notes]"')).toEqual([
      ['keep', 'CanNotDelete', 'in use'],
    ])
    for (const command of ['az identity delete -g rg-shown -n id-kept', 'az group delete -n rg-shown --yes']) {
      const { message } = await az.refused(command)
      expect(message).toContain('(ScopeLocked)')
      expect(message).toContain('cannot perform delete operation because following scope(s) are locked')
    }
    await az.succeed('az identity create -g rg-shown -n id-kept --tags still=changed --output none')
    await az.succeed(`az lock delete -n keep --resource ${id} && az identity delete -g rg-shown -n id-kept`)
  })

  test('that is read-only refuses every write below it, and keys', async () => {
    await az.succeed('az lock create -n still -g rg-shown --lock-type ReadOnly --output none')
    expect((await az.refused('az identity create -g rg-shown -n id-new')).message).toContain(
      `(ScopeLocked) The scope '${shown}/providers/Microsoft.ManagedIdentity/userAssignedIdentities/id-new' cannot perform write operation because following scope(s) are locked: '${shown}'`,
    )
    expect((await az.refused('az storage account keys list -g rg-shown -n stgeneric')).message).toContain(
      '(ScopeLocked)',
    )
    expect(await az.text('az storage account show -g rg-shown -n stgeneric --query name -o tsv')).toBe('stgeneric')
    expect((await reader.refused('az lock delete -n still -g rg-shown')).message).toContain('AuthorizationFailed')
    await az.succeed('az lock delete -n still -g rg-shown && az identity create -g rg-shown -n id-new --output none')
  })
})
