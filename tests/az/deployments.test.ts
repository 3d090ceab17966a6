/** Templates deployed, tried and refused with the Azure CLI, and read back by the client for JavaScript. */
import { copyFile, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { DeploymentsClient } from '@azure/arm-resourcesdeployments'
import { ClientSecretCredential } from '@azure/identity'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { addApplications, type TestApplication } from '../support/applications.ts'
import { Az } from '../support/az.ts'
import { keysteadCommand, root, run, TestCloud } from '../support/cloud.ts'

interface Deployment {
  readonly properties: {
    readonly provisioningState: string
    readonly outputs: Readonly<Record<string, { readonly type: string; readonly value?: unknown }>>
    readonly parameters: Readonly<Record<string, unknown>>
  }
}
interface Change {
  readonly resourceId: string
  readonly changeType: string
  readonly delta: readonly { readonly path: string; readonly propertyChangeType: string }[] | null
}

const secretValue = 'correct-horse-battery'
const quickstart = 'vault-identity-storage.json'

let cloud: TestCloud
let az: Az
let people: Record<'reader' | 'deployer', TestApplication>
let group: string

beforeAll(async () => {
  cloud = await TestCloud.start()
  people = await addApplications(cloud, ['reader', 'deployer'])
  await cloud.connect()
  az = await Az.asOwner(cloud)
  await copyFile(join(root, 'tests/az/templates', quickstart), join(az.home, quickstart))
  group = `/subscriptions/${cloud.environment.AZURE_SUBSCRIPTION_ID}/resourceGroups/rg`
  await az.succeed('az group create --name rg --location westeurope --output none')
})
afterAll(async () => {
  await az?.[Symbol.asyncDispose]()
  await cloud?.[Symbol.asyncDispose]()
})

/** Writes a template of the documented schema with these parts; answers its file's name. */
async function template(parts: Readonly<Record<string, unknown>>, name = 'template.json'): Promise<string> {
  const whole = {
    $schema: 'https://schema.management.azure.com/schemas/2019-04-01/deploymentTemplate.json#',
    contentVersion: '1.0.0.0',
    resources: [],
    ...parts,
  }
  await writeFile(join(az.home, name), `// Comments are allowed.\n${JSON.stringify(whole, null, 2)}`)
  return name
}

const identity = (name: string, more: Readonly<Record<string, unknown>> = {}) => ({
  type: 'Microsoft.ManagedIdentity/userAssignedIdentities',
  apiVersion: '2023-01-31',
  name,
  location: '[resourceGroup().location]',
  ...more,
})
const identityId = "resourceId('Microsoft.ManagedIdentity/userAssignedIdentities'"

async function all<T>(items: AsyncIterable<T>): Promise<T[]> {
  const found: T[] = []
  for await (const each of items) found.push(each)
  return found
}

function client(): DeploymentsClient {
  const { AZURE_TENANT_ID, AZURE_CLIENT_ID, AZURE_CLIENT_SECRET, AZURE_SUBSCRIPTION_ID } = cloud.environment
  const credential = new ClientSecretCredential(AZURE_TENANT_ID, AZURE_CLIENT_ID, AZURE_CLIENT_SECRET)
  return new DeploymentsClient(credential, AZURE_SUBSCRIPTION_ID)
}

const whatIf = (words: string) =>
  az.json<{ changes: Change[] }>(
    `az deployment group what-if -g rg --no-pretty-print -f ${quickstart} -p "secretValue=$value" ${words}`,
    { value: secretValue },
  )
const kinds = ({ changes }: { changes: readonly Change[] }) =>
  Object.fromEntries(
    changes.map(({ resourceId, changeType }) => [resourceId.split('/').at(-1)?.slice(0, 6), changeType]),
  )

describe('a template with a vault, a secret, an identity, its role and a storage account', () => {
  test('is tried, deployed as it is, and its secret read by its identity', async () => {
    const before = await whatIf('')
    expect(before.changes.map(({ changeType }) => changeType)).toEqual(Array(5).fill('Create'))
    expect(JSON.stringify(before)).not.toContain(secretValue)

    const deployed = await az.succeed(
      `az deployment group create -g rg -n first -f ${quickstart} -p "secretValue=$value"`,
      { value: secretValue },
    )
    expect(deployed.stdout).not.toContain(secretValue)
    const { properties } = JSON.parse(deployed.stdout) as Deployment
    expect(properties.provisioningState).toBe('Succeeded')
    expect(properties.parameters.secretValue).toEqual({ type: 'SecureString' })
    const { vaultUri, clientId, identityId: id } = properties.outputs
    const vault = new URL(String(vaultUri?.value)).hostname.split('.')[0] ?? ''

    const read = await run(keysteadCommand, [
      ...['run', '--data-dir', cloud.dataDirectory, '--app-id', 'app', '--identity', String(id?.value), '--'],
      ...['env', `AZURE_CLIENT_ID=${clientId?.value}`, process.execPath],
      ...[join(root, 'tests/azure-js/apps/default-credential.js'), vault, 'app-secret'],
    ])
    expect(JSON.parse(read.stdout), read.stderr).toEqual({ value: secretValue })
  })

  test('is read back by the client for JavaScript, without the secret', async () => {
    const deployments = client()
    const first = await deployments.deployments.get('rg', 'first')
    expect(first.properties).toMatchObject({ provisioningState: 'Succeeded', mode: 'Incremental' })
    expect(first.properties?.outputResources).toHaveLength(5)
    const operations = await all(deployments.deploymentOperations.list('rg', 'first'))
    expect(operations.map(({ properties }) => properties?.provisioningState)).toEqual(Array(5).fill('Succeeded'))
    const { template: exported } = await deployments.deployments.exportTemplate('rg', 'first')
    expect(exported).toMatchObject({ contentVersion: '1.0.0.0' })
    expect(JSON.stringify([first, operations, exported])).not.toContain(secretValue)
    expect(await deployments.deployments.checkExistence('rg', 'second')).toMatchObject({ body: false })
  })

  test('shows what would change, and what would stay', async () => {
    await az.succeed('az identity create -g rg -n other-id --output none')
    const same = await whatIf('')
    // A secret's value cannot be compared, since it is never shown.
    expect(kinds(same)).toMatchObject({ 'app-se': 'Deploy', 'id-app': 'NoChange', 'other-': 'Ignore' })
    expect(new Set(Object.values(kinds(same)))).toEqual(new Set(['Deploy', 'NoChange', 'Ignore']))
    const changed = await whatIf('-p environment=production --mode Complete')
    expect(kinds(changed)).toMatchObject({ 'id-app': 'Modify', 'other-': 'Delete' })
    expect(changed.changes.find(({ changeType }) => changeType === 'Modify')?.delta).toMatchObject([
      { path: 'tags.environment', propertyChangeType: 'Modify', before: 'test', after: 'production' },
    ])
  })
})

describe('a deployment is refused', () => {
  test('to a reader, who may not deploy', async () => {
    const { reader } = people
    await using theirs = await Az.at(cloud)
    await az.succeed(
      'az role assignment create --role Reader --assignee-object-id "$who" --assignee-principal-type ServicePrincipal --scope "$scope" --output none',
      { who: reader.objectId, scope: group },
    )
    await theirs.signIn({ ...reader, tenantId: cloud.environment.AZURE_TENANT_ID })
    const file = join(az.home, await template({ resources: [identity('id-new')] }))
    const { message } = await theirs.refused(`az deployment group create -g rg -f ${file}`)
    expect(message).toContain('AuthorizationFailed')
    expect(message).toContain(reader.objectId)
    expect(message).toContain("perform action 'Microsoft.Resources/deployments/validate/action' over scope")
    expect(
      await theirs.text('az deployment group show -g rg -n first --query properties.provisioningState -o tsv'),
    ).toBe('Succeeded')
  })

  test('to whoever may deploy but may not write what the template asks for', async () => {
    const { deployer } = people
    const role = {
      Name: 'Template deployer',
      Description: 'Deploys templates, whatever is in them',
      Actions: ['Microsoft.Resources/deployments/*', 'Microsoft.ManagedIdentity/userAssignedIdentities/read'],
      AssignableScopes: [group],
    }
    await writeFile(join(az.home, 'role.json'), JSON.stringify(role))
    await az.succeed(
      `az role definition create --role-definition @role.json --output none
      az role assignment create --role "Template deployer" --assignee-object-id "$who" --assignee-principal-type ServicePrincipal --scope "$scope" --output none`,
      { who: deployer.objectId, scope: group },
    )
    await using theirs = await Az.at(cloud)
    await theirs.signIn({ ...deployer, tenantId: cloud.environment.AZURE_TENANT_ID })
    const file = join(az.home, await template({ resources: [identity('id-new')] }))
    const { message } = await theirs.refused(`az deployment group create -g rg -f ${file}`)
    expect(message).toContain('InvalidTemplateDeployment')
    expect(message).toContain("Authorization failed for template resource 'id-new'")
    expect(message).toContain(
      `with object id '${deployer.objectId}' does not have permission to perform action 'Microsoft.ManagedIdentity/userAssignedIdentities/write'`,
    )
  })

  test('by a lock: ReadOnly before it begins, CanNotDelete where it would delete', async () => {
    const file = await template({ resources: [identity('id-kept')] })
    await az.succeed('az lock create -n still -g rg --lock-type ReadOnly --output none')
    expect((await az.refused(`az deployment group create -g rg -n locked -f ${file}`)).message).toContain('ScopeLocked')
    await az.succeed(
      `az lock delete -n still -g rg
      az group create -n rg-locked -l westeurope --output none
      az identity create -g rg-locked -n id-gone --output none
      az lock create -n keep -g rg-locked --lock-type CanNotDelete --output none`,
    )
    const { message } = await az.refused(`az deployment group create -g rg-locked -f ${file} --mode Complete`)
    expect(message).toContain('DeploymentFailed')
    expect(message).toContain('ScopeLocked')
    await az.succeed(
      `az lock delete -n keep -g rg-locked
      az deployment group create -g rg-locked -f ${file} --mode Complete --output none`,
    )
    expect(await az.text('az identity list -g rg-locked --query "[].name" -o tsv')).toBe('id-kept')
  })

  test('by a resource that its provider refuses, with the reason and what had been made before', async () => {
    const file = await template({
      resources: [
        identity('id-before'),
        {
          type: 'Microsoft.Storage/storageAccounts',
          apiVersion: '2023-05-01',
          name: 'Not_Valid',
          location: 'westeurope',
          sku: { name: 'Standard_LRS' },
          kind: 'StorageV2',
          dependsOn: ['id-before'],
        },
      ],
    })
    const { message } = await az.refused(`az deployment group create -g rg -n halfway -f ${file}`)
    expect(message).toContain('DeploymentFailed')
    expect(message).toContain('AccountNameInvalid')
    const states = await az.json<{ state: string; name: string }[]>(
      'az deployment operation group list -g rg -n halfway --query "[].{state:properties.provisioningState,name:properties.targetResource.resourceName}"',
    )
    expect(states).toHaveLength(2)
    expect(states).toContainEqual({ state: 'Succeeded', name: 'id-before' })
    expect(states).toContainEqual({ state: 'Failed', name: 'Not_Valid' })
  })
})

/** Each is wrong in one way; what az prints says which. */
const wrong: readonly (readonly [string, Readonly<Record<string, unknown>>, string, RegExp])[] = [
  [
    'a parameter that is not given',
    { parameters: { size: { type: 'int' } } },
    '',
    /InvalidTemplate.*The value for the template parameter 'size' at line '\d+' and column '\d+' is not provided/,
  ],
  [
    'a parameter of the wrong type',
    { parameters: { names: { type: 'array' } } },
    `-p '{"names":{"value":"one"}}'`,
    /Expected 'Array'. Actual 'String'/,
  ],
  [
    'a value that is not allowed',
    { parameters: { sku: { type: 'string', allowedValues: ['Basic', 'Standard'] } } },
    '-p sku=Gold',
    /The value 'Gold' is not part of the allowed value\(s\): 'Basic,Standard'/,
  ],
  [
    'a function that does not exist',
    { resources: [identity("[nosuch('a')]")] },
    '',
    /at line '\d+' and column '\d+' is not valid: The template function 'nosuch' is not valid/,
  ],
  [
    'an expression that cannot be read',
    { resources: [identity("[concat('a']")] },
    '',
    /Unable to parse language expression.*expected token 'RightParenthesis' and actual 'EndOfData'/,
  ],
  [
    'resources that wait for each other',
    { resources: [identity('id-a', { dependsOn: ['id-b'] }), identity('id-b', { dependsOn: ['id-a'] })] },
    '',
    /Circular dependency detected on resource/,
  ],
  [
    'a resource that waits for one that is not there',
    { resources: [identity('id-a', { dependsOn: ['id-z'] })] },
    '',
    /The resource 'id-z' is not defined in the template/,
  ],
  [
    'two resources of one name',
    { resources: [identity('id-a'), identity('id-a')] },
    '',
    /The resource 'Microsoft.ManagedIdentity\/userAssignedIdentities\/id-a' at line '\d+' and column '\d+' is defined multiple times/,
  ],
  [
    'a loop of more rounds than there may be',
    { resources: [identity("[concat('id-', copyIndex())]", { copy: { name: 'many', count: 801 } })] },
    '',
    /invalid copy count. The copy count must be a positive integer value and cannot exceed '800'/,
  ],
  [
    'a type that nobody provides',
    { resources: [identity('x', { type: 'Microsoft.Nowhere/things' })] },
    '',
    /The resource namespace 'Microsoft.Nowhere' is invalid/,
  ],
]

describe('a template that is wrong', () => {
  test.concurrent.each(wrong)('by %s', async (name, parts, words, message) => {
    const file = await template(parts, `${name.replaceAll(' ', '-')}.json`)
    const refusal = await az.refused(`az deployment group create -g rg -f ${file} --no-prompt ${words}`)
    expect(refusal.message.replaceAll('\\"', '"')).toMatch(message)
  })

  test('by a reference to a resource that is not there, once it runs', async () => {
    const file = await template({
      outputs: { o: { type: 'object', value: `[reference(${identityId}, 'id-gone'), '2023-01-31')]` } },
    })
    const { message } = await az.refused(`az deployment group create -g rg -n dangling -f ${file}`)
    expect(message).toContain('DeploymentOutputEvaluationFailed')
    expect(message).toContain(
      "The Resource 'Microsoft.ManagedIdentity/userAssignedIdentities/id-gone' under resource group 'rg' was not found",
    )
  })
})

test('loops, conditions, functions and nested templates do what they say', async () => {
  const nested = (name: string, scope: 'inner' | 'outer', more: Readonly<Record<string, unknown>>) => ({
    type: 'Microsoft.Resources/deployments',
    apiVersion: '2022-09-01',
    name,
    dependsOn: ['rounds'],
    properties: {
      mode: 'Incremental',
      expressionEvaluationOptions: { scope },
      template: {
        $schema: 'https://schema.management.azure.com/schemas/2019-04-01/deploymentTemplate.json#',
        contentVersion: '1.0.0.0',
        resources: [],
        ...more,
      },
      ...(scope === 'inner' && { parameters: { given: { value: `[reference(${identityId}, 'id-0')).principalId]` } } }),
    },
  })
  const file = await template({
    parameters: { count: { type: 'int', minValue: 1, maxValue: 5 }, extra: { type: 'bool', defaultValue: false } },
    variables: { word: 'outer', copy: [{ name: 'names', count: 2, input: "[concat('n', copyIndex('names', 1))]" }] },
    functions: [
      {
        namespace: 'own',
        members: {
          shout: {
            parameters: [{ name: 'text', type: 'string' }],
            output: { type: 'string', value: "[toUpper(parameters('text'))]" },
          },
        },
      },
    ],
    resources: [
      identity("[format('id-{0}', copyIndex())]", {
        copy: { name: 'rounds', count: "[parameters('count')]", mode: 'serial', batchSize: 1 },
        tags: { round: '[string(copyIndex())]' },
      }),
      identity('id-extra', { condition: "[parameters('extra')]" }),
      nested('inside', 'inner', {
        parameters: { given: { type: 'string' } },
        variables: { word: 'inner' },
        outputs: {
          word: { type: 'string', value: "[variables('word')]" },
          principal: { type: 'string', value: "[parameters('given')]" },
        },
      }),
      nested('outside', 'outer', { outputs: { word: { type: 'string', value: "[variables('word')]" } } }),
    ],
    outputs: {
      words: {
        type: 'array',
        value: "[createArray(reference('inside').outputs.word.value, reference('outside').outputs.word.value)]",
      },
      principal: { type: 'string', value: "[reference('inside').outputs.principal.value]" },
      names: { type: 'array', value: "[variables('names')]" },
      shouted: { type: 'string', value: "[own.shout('hush')]" },
      ids: {
        type: 'array',
        copy: {
          count: "[parameters('count')]",
          input: `[reference(${identityId}, concat('id-', copyIndex()))).clientId]`,
        },
      },
      left: { type: 'string', condition: "[parameters('extra')]", value: 'not there' },
    },
  })
  const { properties } = await az.json<Deployment>(`az deployment group create -g rg -n parts -f ${file} -p count=2`)
  const made = await az.json<{ name: string; clientId: string; principalId: string; tags: unknown }[]>(
    `az identity list -g rg --query "[?name=='id-0' || name=='id-1' || name=='id-extra'].{name:name,clientId:clientId,principalId:principalId,tags:tags}"`,
  )
  expect(made.map(({ name, tags }) => [name, tags])).toEqual([
    ['id-0', { round: '0' }],
    ['id-1', { round: '1' }],
  ])
  expect(properties.outputs).toEqual({
    words: { type: 'Array', value: ['inner', 'outer'] },
    principal: { type: 'String', value: made[0]?.principalId },
    names: { type: 'Array', value: ['n1', 'n2'] },
    shouted: { type: 'String', value: 'HUSH' },
    ids: { type: 'Array', value: made.map(({ clientId }) => clientId) },
  })
})

test('a deployment to the subscription makes a group and deploys into it', async () => {
  const file = await template({
    $schema: 'https://schema.management.azure.com/schemas/2018-05-01/subscriptionDeploymentTemplate.json#',
    languageVersion: '2.0',
    parameters: { name: { type: 'string' } },
    resources: {
      group: {
        type: 'Microsoft.Resources/resourceGroups',
        apiVersion: '2024-03-01',
        name: "[parameters('name')]",
        location: '[deployment().location]',
      },
      first: { existing: true, type: 'Microsoft.Resources/resourceGroups', apiVersion: '2024-03-01', name: 'rg' },
      inside: {
        type: 'Microsoft.Resources/deployments',
        apiVersion: '2022-09-01',
        name: 'inside',
        resourceGroup: "[parameters('name')]",
        dependsOn: ['group'],
        properties: {
          mode: 'Incremental',
          expressionEvaluationOptions: { scope: 'inner' },
          template: {
            $schema: 'https://schema.management.azure.com/schemas/2019-04-01/deploymentTemplate.json#',
            contentVersion: '1.0.0.0',
            resources: [identity('id-inside')],
          },
        },
      },
    },
    outputs: { place: { type: 'string', value: "[reference('first', '2024-03-01', 'Full').location]" } },
  })
  const { properties } = await az.json<Deployment>(
    `az deployment sub create -n whole -l northeurope -f ${file} -p name=rg-made`,
  )
  expect(properties.outputs.place?.value).toBe('westeurope')
  expect(await az.text('az identity show -g rg-made -n id-inside --query location -o tsv')).toBe('northeurope')
  expect(await az.text('az deployment sub list --query "[].name" -o tsv')).toBe('whole')
})

test("a parameter takes a vault's secret, when the vault allows it", async () => {
  const vault = `${group}/providers/Microsoft.KeyVault/vaults`
  const [name = ''] = (await az.text('az keyvault list -g rg --query "[].name" -o tsv')).split('\n')
  const file = await template({
    parameters: { secret: { type: 'securestring' } },
    outputs: {
      length: { type: 'int', value: "[length(parameters('secret'))]" },
      secret: { type: 'securestring', value: "[parameters('secret')]" },
    },
  })
  const parameters = {
    secret: { reference: { keyVault: { id: `${vault}/${name}` }, secretName: 'app-secret' } },
  }
  await writeFile(join(az.home, 'parameters.json'), JSON.stringify({ parameters }))
  const create = `az deployment group create -g rg -n referring -f ${file} -p @parameters.json`
  expect((await az.refused(create)).message).toContain('is not enabled for template deployment')
  await az.succeed(`az keyvault update -g rg -n ${name} --enabled-for-template-deployment true --output none`)
  const { properties } = await az.json<Deployment>(create)
  expect(properties.outputs).toEqual({
    length: { type: 'Int', value: secretValue.length },
    secret: { type: 'SecureString' },
  })
})

test('a deployment whose server dies in its middle goes on by itself, and az sees its end', async () => {
  const file = await template({
    resources: [
      identity("[format('id-slow-{0}', copyIndex())]", {
        copy: { name: 'slow', count: 150, mode: 'serial', batchSize: 1 },
      }),
    ],
    outputs: { done: { type: 'bool', value: true } },
  })
  await using create = az.start(`az deployment group create -g rg -n slow -f ${file}`)
  const deployments = client()
  await expect
    .poll(async () => (await all(deployments.deploymentOperations.list('rg', 'slow'))).length, {
      timeout: 30_000,
      interval: 20,
    })
    .toBeGreaterThan(3)
  const runtime = JSON.parse(await readFile(join(cloud.dataDirectory, 'runtime.json'), 'utf8')) as {
    processes: { name: string; pid: number }[]
  }
  process.kill(runtime.processes.find(({ name }) => name === 'core')?.pid ?? 0, 'SIGKILL')
  const { code } = await create.ended
  expect(code, create.stderr).toBe(0)
  expect((JSON.parse(create.stdout) as Deployment).properties).toMatchObject({
    provisioningState: 'Succeeded',
    outputs: { done: { value: true } },
  })
  const operations = await all(deployments.deploymentOperations.list('rg', 'slow'))
  expect(operations).toHaveLength(150)
})
