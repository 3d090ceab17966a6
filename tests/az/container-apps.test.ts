import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test, vi } from 'vitest'
import { Az } from '../support/az.ts'
import { keysteadCommand, run, succeed, TestCloud } from '../support/cloud.ts'

let cloud: TestCloud
let az: Az

const app = '-g rg-apps -n reader'

/** It says what it was given, and answers. */
const code = `import { createServer } from 'node:http'
console.log('KEY is ' + process.env.KEY + ', COLOUR is ' + process.env.COLOUR)
createServer((request, response) => response.end('hello')).listen(Number(process.env.PORT))
`

interface App {
  readonly name: string
  readonly properties: {
    readonly provisioningState: string
    readonly latestRevisionName: string
    readonly latestReadyRevisionName: string
    readonly configuration: {
      readonly secrets: readonly { readonly name: string; readonly value?: string }[]
      readonly ingress: { readonly fqdn: string }
      readonly dapr?: unknown
    }
  }
}
interface Revision {
  readonly name: string
  readonly properties: {
    readonly active: boolean
    readonly runningState: string
    readonly provisioningState: string
    readonly provisioningError?: string
    readonly trafficWeight: number
  }
}

const show = () => az.json<App>(`az containerapp show ${app}`)
const revisions = () => az.json<readonly Revision[]>(`az containerapp revision list ${app} --all`)

/** What the app printed, and the system printed of it, as \`az containerapp logs show\` has it. */
async function logged(options: string): Promise<readonly Record<string, string>[]> {
  const lines = await az.text(`az containerapp logs show ${app} ${options}`)
  return lines
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as Record<string, string>)
}

/** Waits for the platform, which goes on when az has its answer. */
const eventually = <T>(assertion: () => Promise<T>) => vi.waitFor(assertion, { timeout: 30_000, interval: 50 })

const latestIsReady = () =>
  eventually(async () => {
    const { properties } = await show()
    expect(properties.latestReadyRevisionName).toBe(properties.latestRevisionName)
    return properties.latestRevisionName
  })

beforeAll(async () => {
  cloud = await TestCloud.start()
  az = await Az.asOwner(cloud)
  const folder = join(az.home, 'reader')
  await mkdir(folder)
  await writeFile(join(folder, 'server.mjs'), code)
  const command = `"${process.execPath}" server.mjs`
  const mapping = ['--dir', folder, '--command', command, '--data-dir', cloud.dataDirectory]
  await succeed(run(keysteadCommand, ['image', 'add', 'demos/reader:v1', ...mapping]))
  await az.succeed('az group create -n rg-apps -l westeurope -o none')
})
afterAll(async () => {
  await az?.[Symbol.asyncDispose]()
  await cloud?.[Symbol.asyncDispose]()
})

test('an environment is made, shown and listed', async () => {
  const made = await az.json<{ name: string; properties: Record<string, unknown> }>(
    'az containerapp env create -g rg-apps -n env1 -l westeurope --logs-destination none',
  )
  expect(made).toMatchObject({ name: 'env1', location: 'westeurope', properties: { provisioningState: 'Succeeded' } })
  expect(made.properties.defaultDomain).toMatch(/^[a-z0-9-]+\.westeurope\.azurecontainerapps\.io$/)
  expect(await az.text('az containerapp env list -g rg-apps --query "[].name" -o tsv')).toBe('env1')
})

test('an app is made with a secret, runs, and its log shows the value that its variable refers to', async () => {
  const started = Date.now()
  const made = await az.json<App>(
    `az containerapp create ${app} --environment env1 --image demos/reader:v1 --min-replicas 1
      --ingress external --target-port 8080 --secrets key=first-value --env-vars KEY=secretref:key COLOUR=blue`.replaceAll(
      '\n',
      ' ',
    ),
  )
  expect(Date.now() - started).toBeLessThan(60_000)
  expect(made.properties.provisioningState).toBe('Succeeded')
  expect(made.properties.configuration.secrets).toEqual([{ name: 'key' }])
  expect(made.properties.configuration.ingress.fqdn).toMatch(/^reader\..*\.azurecontainerapps\.io$/)
  await latestIsReady()
  await eventually(async () => {
    const lines = await logged('')
    expect(lines.map(({ Log }) => Log).join('\n')).toContain('KEY is first-value, COLOUR is blue')
  })
  const { fqdn } = made.properties.configuration.ingress
  expect(await az.text('curl -sS "https://$fqdn/"', { fqdn })).toBe('hello')
  const replicas = await az.json<readonly { properties: { runningState: string } }[]>(
    `az containerapp replica list ${app}`,
  )
  expect(replicas.map(({ properties }) => properties.runningState)).toEqual(['Running'])
})

test('a changed secret is seen by the running revision after its restart, and makes no new one', async () => {
  const before = await show()
  await az.succeed(`az containerapp secret set ${app} --secrets key=second-value other=x -o none`)
  expect((await show()).properties.latestRevisionName).toBe(before.properties.latestRevisionName)
  expect(await az.text(`az containerapp secret show ${app} --secret-name key --query value -o tsv`)).toBe(
    'second-value',
  )
  expect(await az.json(`az containerapp secret list ${app}`)).toEqual([{ name: 'key' }, { name: 'other' }])
  await az.succeed(`az containerapp secret remove ${app} --secret-names other -o none`)
  expect((await az.refused(`az containerapp secret remove ${app} --secret-names key`)).message).toMatch(
    /ContainerAppSecretInUse.*referencing a secret.*key/s,
  )
  const { latestRevisionName: revision } = before.properties
  expect(await az.json(`az containerapp revision restart ${app} --revision "$revision"`, { revision })).toBe(
    'Restart succeeded',
  )
  await eventually(async () => {
    expect((await logged('--tail 50')).map(({ Log }) => Log).join('\n')).toContain('KEY is second-value')
  })
})

test('a new variable makes a new revision, which replaces the old one once it is ready', async () => {
  const [old] = await revisions()
  await az.succeed(`az containerapp update ${app} --set-env-vars COLOUR=green --revision-suffix green -o none`)
  await eventually(async () => {
    expect(
      (await revisions()).map(({ name, properties }) => [name, properties.active, properties.trafficWeight]),
    ).toEqual([
      [old?.name, false, 0],
      ['reader--green', true, 100],
    ])
  })
  expect(
    (await az.refused(`az containerapp update ${app} --set-env-vars COLOUR=red --revision-suffix green`)).message,
  ).toMatch(/revision with suffix green already exists/)
})

test('a revision that cannot start is Failed with its reason, and the old one goes on', async () => {
  await az.succeed(`az containerapp update ${app} --image demos/unknown:v1 --revision-suffix broken -o none`)
  await eventually(async () => {
    const [broken] = (await revisions()).filter(({ name }) => name === 'reader--broken')
    expect(broken?.properties).toMatchObject({ provisioningState: 'Failed', trafficWeight: 0 })
    expect(broken?.properties.provisioningError).toContain('demos/unknown:v1')
  })
  expect((await show()).properties).toMatchObject({
    provisioningState: 'Failed',
    latestRevisionName: 'reader--broken',
    latestReadyRevisionName: 'reader--green',
  })
  const reasons = (await logged('--type system')).map(({ Reason }) => Reason)
  expect(reasons).not.toEqual([])
  await az.succeed(`az containerapp revision copy ${app} --from-revision reader--green --revision-suffix again -o none`)
  expect(await latestIsReady()).toBe('reader--again')
})

test('identities are assigned, shown and removed, a user-assigned one by who may assign it', async () => {
  const own = await az.json<{ principalId: string }>(`az containerapp identity assign ${app} --system-assigned`)
  const user = await az.json<{ id: string; clientId: string }>('az identity create -g rg-apps -n id1')
  await az.succeed(`az containerapp identity assign ${app} --user-assigned "$id" -o none`, { id: user.id })
  const shown = await az.json<{ type: string; principalId: string; userAssignedIdentities: Record<string, unknown> }>(
    `az containerapp identity show ${app}`,
  )
  expect(shown).toMatchObject({ type: 'SystemAssigned, UserAssigned', principalId: own.principalId })
  expect(Object.values(shown.userAssignedIdentities)).toMatchObject([{ clientId: user.clientId }])

  await az.succeed(
    'az containerapp secret set -g rg-apps -n reader --secrets "vaulted=keyvaultref:https://kv1.vault.azure.net/secrets/a,identityref:$id" -o none',
    { id: user.id },
  )
  expect(await az.json(`az containerapp secret list ${app} --query "[?name=='vaulted']"`)).toMatchObject([
    { keyVaultUrl: 'https://kv1.vault.azure.net/secrets/a' },
  ])
  expect(
    (await az.refused(`az containerapp identity remove ${app} --user-assigned "$id"`, { id: user.id })).message,
  ).toMatch(/that reads the secret 'vaulted' is not assigned/)
  await az.succeed(`az containerapp secret remove ${app} --secret-names vaulted -o none`)
  await az.succeed(`az containerapp identity remove ${app} --user-assigned "$id" -o none`, { id: user.id })
  expect(await az.text(`az containerapp identity show ${app} --query type -o tsv`)).toBe('SystemAssigned')
})

test('who has no right is told which, and sees no secret', async () => {
  const reader = await az.json<{ appId: string; password: string; tenant: string }>(
    `az ad sp create-for-rbac --display-name apps-reader --role Reader --scopes "/subscriptions/$AZURE_SUBSCRIPTION_ID/resourceGroups/rg-apps" --only-show-errors`,
  )
  await using other = await Az.at(cloud)
  await other.signIn({ clientId: reader.appId, clientSecret: reader.password, tenantId: reader.tenant })
  expect(await other.text(`az containerapp show ${app} --query name -o tsv`)).toBe('reader')
  expect((await other.refused(`az containerapp secret show ${app} --secret-name key`)).message).toMatch(
    /AuthorizationFailed.*containerApps\/listSecrets\/action/s,
  )
  expect((await other.refused(`az containerapp revision restart ${app} --revision reader--green`)).message).toMatch(
    /AuthorizationFailed.*revisions\/restart\/action/s,
  )
  expect(
    (await other.refused('az containerapp create -g rg-apps -n mine --environment env1 --image demos/reader:v1'))
      .message,
  ).toMatch(/AuthorizationFailed.*containerApps\/write/s)
})

test('Dapr: the sidecar is turned on and off, and components are set from YAML, shown, listed and removed', async () => {
  await az.succeed(`az containerapp dapr enable ${app} --dapr-app-id reader --dapr-app-port 8080 -o none`)
  expect((await show()).properties.configuration.dapr).toMatchObject({ enabled: true, appId: 'reader', appPort: 8080 })
  await writeFile(
    join(az.home, 'component.yaml'),
    `componentType: secretstores.azure.keyvault
version: v1
metadata:
- name: vaultName
  value: kv1
- name: azureClientSecret
  secretRef: client-secret
secrets:
- name: client-secret
  value: not-to-be-shown
scopes:
- reader
`,
  )
  const component = '-g rg-apps -n env1 --dapr-component-name store'
  const set = await az.json(`az containerapp env dapr-component set ${component} --yaml component.yaml`)
  expect(JSON.stringify(set)).not.toContain('not-to-be-shown')
  expect(await az.json(`az containerapp env dapr-component show ${component}`)).toMatchObject({
    name: 'store',
    properties: {
      componentType: 'secretstores.azure.keyvault',
      scopes: ['reader'],
      secrets: [{ name: 'client-secret' }],
    },
  })
  expect(await az.text('az containerapp env dapr-component list -g rg-apps -n env1 --query "[].name" -o tsv')).toBe(
    'store',
  )
  await az.succeed(`az containerapp env dapr-component remove ${component}`)
  await az.succeed(`az containerapp dapr disable ${app} -o none`)
  expect((await show()).properties.configuration.dapr).toMatchObject({ enabled: false })
})

test('in multiple mode two revisions share the traffic, and a label has its own', async () => {
  await az.succeed(`az containerapp revision set-mode ${app} --mode multiple -o none`)
  await az.succeed(`az containerapp update ${app} --set-env-vars COLOUR=red --revision-suffix red -o none`)
  await latestIsReady()
  await az.succeed(
    `az containerapp ingress traffic set ${app} --revision-weight reader--again=70 reader--red=30 -o none`,
  )
  await az.succeed(`az containerapp revision label add ${app} --label next --revision reader--red --yes -o none`)
  const shown = (await revisions()).filter(({ properties }) => properties.active)
  expect(shown.map(({ name, properties }) => [name, properties.trafficWeight])).toEqual([
    ['reader--again', 70],
    ['reader--red', 30],
  ])
  expect((await az.refused(`az containerapp revision deactivate ${app} --revision reader--red`)).message).toMatch(
    /can not be deactivated/,
  )
})

test.each([
  ['a name with capitals', '-n Reader', 'ContainerAppInvalidName|lower case alphanumeric'],
  [
    'an environment that is not there',
    '-n other --environment none',
    "environment 'none' does not exist|environment .*none.* does not exist",
  ],
  [
    'a reference to no secret',
    '-n other --env-vars KEY=secretref:nothing',
    "SecretRef 'nothing' defined for container 'other' not found",
  ],
])('%s is refused', async (_, options, message) => {
  const environment = options.includes('--environment') ? '' : '--environment env1'
  const refusal = await az.refused(
    `az containerapp create -g rg-apps ${environment} ${options} --image demos/reader:v1`,
  )
  expect(refusal.message).toMatch(new RegExp(message))
})

test('a job is not implemented, and says so', async () => {
  const { message } = await az.refused(
    'az containerapp job create -g rg-apps -n job1 --environment env1 --trigger-type Manual --replica-timeout 60 --replica-retry-limit 1 --image demos/reader:v1',
  )
  expect(message).toMatch(/NotImplemented/)
})

test('a deleted app is gone, and its environment after it', async () => {
  expect((await az.refused('az containerapp env delete -g rg-apps -n env1 --yes')).message).toMatch(
    /ManagedEnvironmentHasContainerApps/,
  )
  await az.succeed(`az containerapp delete ${app} --yes`)
  expect(await az.json('az containerapp list -g rg-apps')).toEqual([])
  await az.succeed('az containerapp env delete -g rg-apps -n env1 --yes')
  expect(await az.json('az containerapp env list -g rg-apps')).toEqual([])
})
