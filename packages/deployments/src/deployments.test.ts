import { cp, mkdtemp, readdir, readFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { ArmError } from '@keystead/resource-manager'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { type Body, type DeploymentCloud, deployments, groupId, startCloud, thingType } from './testing/cloud.ts'
import { template } from './testing/scope.ts'

let cloud: DeploymentCloud
const others: DeploymentCloud[] = []

beforeEach(async () => {
  cloud = await startCloud()
})
afterEach(async () => {
  await cloud.stop()
  for (const each of others.splice(0)) await each.stop()
})

const thing = (name: string, more: Readonly<Record<string, unknown>> = {}) => ({
  type: thingType,
  apiVersion: '2024-01-01',
  name,
  location: '[resourceGroup().location]',
  ...more,
})
const post = async (name: string, verb: string, properties: Readonly<Record<string, unknown>>) => {
  const body = JSON.stringify({ properties: { mode: 'Incremental', ...properties } })
  const path = `${deployments}/${name}/${verb}`
  const { body: answer } = await cloud.manager.execute({
    caller: cloud.caller,
    method: 'POST',
    path,
    apiVersion: '2025-04-01',
    body,
  })
  return answer as Body
}
const code = async (work: Promise<unknown>) => {
  try {
    await work
  } catch (error) {
    if (error instanceof ArmError) return `${error.status} ${error.code}: ${error.message}`
    throw error
  }
  return 'not refused'
}

describe('a deployment', () => {
  it('makes its resources in the order in which they need each other', async () => {
    await cloud.deploy(
      'd1',
      template({
        resources: [
          thing('c', { properties: { from: "[reference('b').from]" } }),
          thing('b', { dependsOn: ['a'], properties: { from: "[listKeys('a', '2024-01-01').keys[0]]" } }),
          thing('a'),
        ],
        outputs: { from: { type: 'string', value: "[reference('c').from]" } },
      }),
    )
    const { provisioningState, outputs } = await cloud.ended('d1')
    expect([provisioningState, cloud.written]).toEqual(['Succeeded', ['a', 'b', 'c']])
    expect(outputs).toEqual({ from: { type: 'String', value: 'key-of-a' } })
  })

  it('leaves out what waits for a resource that failed, and makes the rest', async () => {
    await cloud.deploy(
      'd1',
      template({ resources: [thing('bad'), thing('after', { dependsOn: ['bad'] }), thing('apart')] }),
    )
    const { provisioningState, error } = await cloud.ended('d1')
    expect([provisioningState, cloud.written]).toEqual(['Failed', ['apart']])
    expect(error).toMatchObject({
      code: 'DeploymentFailed',
      details: [{ code: 'ResourceNotFound', target: `${groupId}/providers/${thingType}/bad` }],
    })
  })

  it('is one at a time by its name, and can be canceled', async () => {
    const gate = Promise.withResolvers<void>()
    cloud.gate = () => gate.promise
    const wanted = template({ resources: [thing('a'), thing('b', { dependsOn: ['a'] })] })
    await cloud.deploy('d1', wanted)
    expect(await code(cloud.deploy('d1', wanted))).toMatch(/^409 DeploymentActive: Unable to edit or replace/)
    await post('d1', 'cancel', {})
    gate.resolve()
    const { provisioningState, error } = await cloud.ended('d1')
    expect([provisioningState, cloud.written, error?.code]).toEqual(['Canceled', ['a'], 'DeploymentCanceled'])
    expect(await code(post('d1', 'cancel', {}))).toMatch(/^409 DeploymentCannotBeCancelled/)
  })

  it('goes on after a restart in its middle, without what is done', async () => {
    let reached = 0
    const gate = Promise.withResolvers<void>()
    cloud.gate = async (name) => {
      reached += 1
      if (name === 'b') await gate.promise
    }
    const inner = template({ resources: [thing('b', { dependsOn: [] }), thing('c', { dependsOn: ['b'] })] })
    await cloud.deploy(
      'd1',
      template({
        parameters: { hush: { type: 'secureString' } },
        resources: [
          thing('a'),
          {
            type: 'Microsoft.Resources/deployments',
            apiVersion: '2025-04-01',
            name: 'nested',
            dependsOn: ['a'],
            properties: { mode: 'Incremental', template: inner, expressionEvaluationOptions: { scope: 'inner' } },
          },
          thing('d', {
            dependsOn: ['nested'],
            properties: { same: "[equals(parameters('hush'), 'not-to-be-found')]" },
          }),
        ],
      }),
      { parameters: { hush: { value: 'not-to-be-found' } } },
    )
    await expect.poll(() => reached).toBe(2)
    // What a crash would leave: the files as they are while the deployment still runs.
    const left = await mkdtemp(join(tmpdir(), 'keystead-deployments-'))
    await cp(cloud.directory, left, { recursive: true })
    for (const file of await readdir(left)) {
      expect((await readFile(join(left, file))).includes('not-to-be-found'), file).toBe(false)
    }
    const again = await startCloud({ directory: left })
    others.push(again)
    expect(await again.ended('d1')).toMatchObject({ provisioningState: 'Succeeded' })
    expect(again.written).toEqual(['b', 'c', 'd'])
    const { properties } = await again.get(`${groupId}/providers/${thingType}/d`, '2024-01-01')
    expect(properties).toEqual({ same: true })
    gate.resolve()
  })

  it('stops between two resources when the cloud closes, and goes on at the next start', async () => {
    const gate = Promise.withResolvers<void>()
    let reached = false
    cloud.gate = async () => {
      reached = true
      await gate.promise
    }
    await cloud.deploy('d1', template({ resources: [thing('a'), thing('b', { dependsOn: ['a'] })] }))
    await expect.poll(() => reached).toBe(true)
    const stopping = cloud.stop({ keep: true })
    gate.resolve()
    await stopping
    expect(cloud.written).toEqual(['a'])
    cloud = await startCloud({ directory: cloud.directory })
    expect(await cloud.ended('d1')).toMatchObject({ provisioningState: 'Succeeded' })
    expect(cloud.written).toEqual(['b'])
  })

  it('in Complete mode deletes what its template does not name', async () => {
    await cloud.deploy('d1', template({ resources: [thing('a'), thing('b')] }))
    await cloud.ended('d1')
    await cloud.deploy('d2', template({ resources: [thing('b')] }), { mode: 'Complete' })
    expect(await cloud.ended('d2')).toMatchObject({ provisioningState: 'Succeeded' })
    const left = await cloud.manager.resources.list({ below: groupId, type: thingType })
    expect(left.map(({ name }) => name)).toEqual(['b'])
  })

  it('shows no secure value: in its parameters, its outputs, what would change, or on disk', async () => {
    const wanted = template({
      parameters: {
        hush: { type: 'secureString' },
        hidden: { type: 'secureObject', defaultValue: { a: 'deep-secret' } },
      },
      resources: [thing('a', { tags: { t: "[concat('x', length(parameters('hush')))]" } })],
      outputs: {
        hush: { type: 'secureString', value: "[parameters('hush')]" },
        length: { type: 'int', value: "[length(parameters('hush'))]" },
      },
    })
    const given = { parameters: { hush: { value: 'top-secret-text' } } }
    await cloud.deploy('d1', wanted, given)
    const properties = await cloud.ended('d1')
    expect(properties.parameters).toEqual({ hush: { type: 'SecureString' }, hidden: { type: 'SecureObject' } })
    expect(properties.outputs).toEqual({ hush: { type: 'SecureString' }, length: { type: 'Int', value: 15 } })
    const leaking = template({
      parameters: { hush: { type: 'secureString' } },
      resources: [thing('b', { properties: { shown: "[concat('is ', parameters('hush'))]" } })],
    })
    const tried = await post('d2', 'whatIf', { template: leaking, ...given })
    expect(JSON.stringify(tried)).not.toContain('top-secret-text')
    for (const file of await readdir(cloud.directory)) {
      expect((await readFile(join(cloud.directory, file))).includes('top-secret-text'), file).toBe(false)
    }
  })

  it('takes a parameter from a vault that its caller may deploy from', async () => {
    const wanted = template({
      parameters: { hush: { type: 'secureString' } },
      outputs: { ok: { type: 'bool', value: "[equals(parameters('hush'), 'from-the-vault')]" } },
    })
    const from = (secretName: string) => ({
      parameters: {
        hush: { reference: { keyVault: { id: `${groupId}/providers/Microsoft.KeyVault/vaults/v` }, secretName } },
      },
    })
    await cloud.deploy('d1', wanted, from('known'))
    expect((await cloud.ended('d1')).outputs).toEqual({ ok: { type: 'Bool', value: true } })
    expect(await code(cloud.deploy('d2', wanted, from('other')))).toMatch(
      /^400 KeyVaultParameterReferenceSecretRetrieveFailed: The secret of KeyVault parameter 'hush' cannot be retrieved. There is none/,
    )
  })

  it('is refused whole when the caller may not write one of its resources', async () => {
    const stranger = { ...cloud.caller, objectId: '22222222-2222-2222-2222-222222222222' }
    const refusal = await code(cloud.deploy('d1', template({ resources: [thing('a')] }), {}, stranger))
    expect(refusal).toMatch(/^403 AuthorizationFailed: .*Microsoft.Resources\/deployments\/write/)
    expect(cloud.written).toEqual([])
  })

  it('goes with its group', async () => {
    await cloud.deploy('d1', template({ resources: [thing('a')] }))
    await cloud.ended('d1')
    const request = { caller: cloud.caller, apiVersion: '2025-04-01', path: groupId } as const
    await cloud.manager.execute({ ...request, method: 'DELETE' })
    await cloud.manager.execute({ ...request, method: 'PUT', body: { location: 'westeurope' } })
    expect(await code(cloud.get(`${deployments}/d1`))).toMatch(/^404 DeploymentNotFound/)
    const rows = await cloud.store
      .database<{ deployment_runs: { id: string } }>()
      .selectFrom('deployment_runs')
      .selectAll()
      .execute()
    expect(rows).toEqual([])
  })
})

describe('a template', () => {
  const refused = (parts: Readonly<Record<string, unknown>>, given: Readonly<Record<string, unknown>> = {}) =>
    code(post('d1', 'validate', { template: template(parts), ...given }))

  it.each<[string, Readonly<Record<string, unknown>>, RegExp]>([
    ['without resources', { resources: undefined }, /Required property 'resources' not found/],
    ['with resources that are no list', { resources: 'all' }, /InvalidTemplate/],
    [
      'with a resource without a name',
      { resources: [{ type: thingType, apiVersion: '2024-01-01' }] },
      /property 'resources\[0\].name' at line/,
    ],
    [
      'with a resource without an api-version',
      { resources: [{ type: thingType, name: 'a' }] },
      /The API version is required/,
    ],
    ['with a name of more parts than its type', { resources: [thing('a/b')] }, /has incorrect segment lengths/],
    [
      'with an unknown api-version',
      { resources: [thing('a', { apiVersion: '1999-01-01' })] },
      /NoRegisteredProviderFound/,
    ],
    ['with an unknown type', { resources: [thing('a', { type: 'Microsoft.Test/others' })] }, /InvalidResourceType/],
    [
      'with a parameter of an unknown type',
      { parameters: { p: { type: 'colour' } } },
      /its type 'colour' is not one of a template's/,
    ],
    [
      'with a default of the wrong type',
      { parameters: { p: { type: 'int', defaultValue: 'one' } } },
      /Expected 'Integer'. Actual 'String'/,
    ],
    [
      'with parameters that need each other',
      {
        parameters: {
          a: { type: 'string', defaultValue: "[parameters('b')]" },
          b: { type: 'string', defaultValue: "[parameters('a')]" },
        },
      },
      /Circular dependency detected on template parameter/,
    ],
    [
      'with variables that need each other',
      {
        variables: { a: "[variables('b')]", b: "[variables('a')]" },
        outputs: { o: { type: 'string', value: "[variables('a')]" } },
        resources: [thing("[variables('a')]")],
      },
      /Circular dependency detected on template variable/,
    ],
    [
      'with an unknown variable',
      { outputs: { o: { type: 'string', value: "[variables('gone')]" } } },
      /The template output 'o' at line '\d+' and column '\d+' is not valid: The template variable 'gone' is not found/,
    ],
    [
      'that refers to what is not in it',
      { resources: [thing('a', { properties: { x: "[reference('zzz').y]" } })] },
      /Unable to process template language expressions for resource .* at line .*could not find template resource or resource copy with this name/,
    ],
    [
      'with a condition that is none',
      { resources: [thing('a', { condition: 'yes' })] },
      /its 'condition' is not a boolean/,
    ],
    [
      'whose nested template is wrong',
      {
        resources: [
          {
            type: 'Microsoft.Resources/deployments',
            apiVersion: '2025-04-01',
            name: 'n',
            properties: {
              mode: 'Incremental',
              template: template({ parameters: { p: { type: 'int' } } }),
              expressionEvaluationOptions: { scope: 'inner' },
            },
          },
        ],
      },
      /Nested deployment 'n'.*The value for the template parameter 'p' is not provided/,
    ],
    [
      'with too many parameters',
      {
        parameters: Object.fromEntries(
          Array.from({ length: 257 }, (_, i) => [`p${i}`, { type: 'int', defaultValue: 1 }]),
        ),
      },
      /Limit: '256' and actual: '257'/,
    ],
  ])('%s is refused', async (_, parts, message) => {
    expect(await refused(parts)).toMatch(message)
  })

  it('is refused for what is given to it', async () => {
    const parameters = {
      size: { type: 'int', minValue: 2, maxValue: 5 },
      name: { type: 'string', minLength: 3, defaultValue: 'abc' },
    }
    const given = (values: Readonly<Record<string, unknown>>) =>
      refused(
        { parameters },
        { parameters: Object.fromEntries(Object.entries(values).map(([name, value]) => [name, { value }])) },
      )
    expect(await given({ size: 1 })).toMatch(/The value should be greater than or equal to '2'/)
    expect(await given({ size: 6 })).toMatch(/The value should be less than or equal to '5'/)
    expect(await given({ size: 2, name: 'ab' })).toMatch(/Length of the value should be greater than or equal to '3'/)
    expect(await given({ size: 2, colour: 'red' })).toMatch(
      /The template parameters 'colour' in the parameters file are not valid/,
    )
    expect(await given({ SIZE: 3 })).toBe('not refused')
  })

  it('by a link, and what else is not done, is not implemented', async () => {
    expect(await code(post('d1', 'validate', { templateLink: { uri: 'https://example.org/t.json' } }))).toMatch(
      /^501 NotImplemented/,
    )
    expect(
      await code(post('d1', 'validate', { template: template({}), onErrorDeployment: { type: 'LastSuccessful' } })),
    ).toMatch(/^501/)
  })

  it('is told where it is wrong, in lines of its own', async () => {
    const text = `{"properties": {"mode": "Incremental", template: {
  "$schema": "https://schema.management.azure.com/schemas/2019-04-01/deploymentTemplate.json#",
  // The second line was the schema's.
  "contentVersion": "1.0.0.0",
  "resources": [
    { "type": "Microsoft.Test/things", "apiVersion": "2024-01-01", "name": "[nosuch()]" }
  ]}}}`
    const request = {
      caller: cloud.caller,
      method: 'POST',
      path: `${deployments}/d/validate`,
      apiVersion: '2025-04-01',
    } as const
    expect(await code(cloud.manager.execute({ ...request, body: text }))).toContain(
      "at line '6' and column '5' is not valid",
    )
    expect(await code(cloud.manager.execute({ ...request, body: '{"properties": }' }))).toMatch(
      /^400 InvalidRequestContent.*line 1, position 16/,
    )
    expect(await code(cloud.manager.execute({ ...request, body: '['.repeat(100_000) }))).toMatch(/nests deeper than/)
  })

  it('makes children, extensions and what is in loops under their ids', async () => {
    const answer = await post('d1', 'validate', {
      template: template({
        languageVersion: '2.0',
        resources: {
          group: {
            existing: true,
            type: 'Microsoft.Resources/resourceGroups',
            apiVersion: '2025-04-01',
            name: 'other',
            scope: '/subscriptions/s',
          },
          many: thing("[concat('t', copyIndex(1))]", { copy: { name: 'many', count: 2 } }),
          lock: {
            type: 'Microsoft.Authorization/locks',
            apiVersion: '2020-05-01',
            scope: `[resourceId('${thingType}', 't1')]`,
            name: 'keep',
            dependsOn: ['many'],
            properties: { level: 'CanNotDelete' },
          },
          older: {
            type: `${thingType}/providers/locks`,
            apiVersion: '2020-05-01',
            name: 't2/Microsoft.Authorization/keep',
            properties: { level: 'CanNotDelete' },
          },
          never: thing('never', { condition: false }),
        },
      }),
    })
    const at = `${groupId}/providers/${thingType}`
    const ids = [...(answer.properties?.validatedResources ?? [])].map(({ id }) => id)
    expect(ids).toEqual([
      `${at}/t1`,
      `${at}/t2`,
      `${at}/t1/providers/Microsoft.Authorization/locks/keep`,
      `${at}/t2/providers/Microsoft.Authorization/locks/keep`,
    ])
    expect(answer.properties?.dependencies).toMatchObject([{ dependsOn: [{ id: `${at}/t1` }, { id: `${at}/t2` }] }])
  })
})
