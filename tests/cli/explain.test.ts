/** `keystead explain`: each link that can fail is made to fail, and is mended by the command that it prints, run with az. */
import { randomUUID } from 'node:crypto'
import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { ClientSecretCredential } from '@azure/identity'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { Az } from '../support/az.ts'
import { keysteadCommand, run, TestCloud } from '../support/cloud.ts'
import { Gateway } from '../support/gateway.ts'
import { type Identity, Provisioner } from '../support/provisioner.ts'
import { onTerminal } from '../support/started.ts'

interface Link {
  readonly name: string
  readonly state: 'holds' | 'fails'
  readonly detail: string
  readonly considered?: readonly string[]
  readonly mend?: readonly string[]
}
interface Answer {
  readonly allowed: boolean
  readonly failing: string | null
  readonly principal?: { readonly objectId: string } | null
  readonly links: readonly Link[]
  readonly error?: { readonly message: string }
}

interface Question {
  readonly principal: string
  readonly action: string
  readonly scope: string
  readonly clientAddress?: string
}

let cloud: TestCloud
let gateway: Gateway
let ownerToken: string
let az: Az
let owner: Provisioner
let vault: string
let identity: Identity

beforeAll(async () => {
  cloud = await TestCloud.start()
  await cloud.connect()
  owner = await Provisioner.asOwner(cloud.environment)
  gateway = await Gateway.of(cloud.environment)
  ownerToken = await gateway.ownerToken('https://management.azure.com')
  const { principal: ownerPrincipal } = await decision(ask('get', owner.group, 'keystead-owner'))
  await owner.grant(owner.group, 'Key Vault Secrets Officer', ownerPrincipal?.objectId ?? '')
  vault = await owner.vault('kv-explain')
  identity = await owner.identity('id-explain')
  az = await Az.asOwner(cloud)
  await writeFile(join(az.home, 'FILE'), 'the value')
  await az.succeed('az keyvault secret set --vault-name kv-explain --name there --file FILE --output none')
})
afterAll(async () => {
  await az?.[Symbol.asyncDispose]()
  await cloud?.[Symbol.asyncDispose]()
})

/** What the command prints with `--output json`. */
async function explain(...options: readonly string[]): Promise<Answer> {
  const { code, stdout, stderr } = await cloud.keystead('explain', ...options, '--output', 'json')
  const answer = JSON.parse(stdout || '{}') as Answer
  if (answer.error !== undefined) throw new Error(answer.error.message)
  expect([code, stderr]).toEqual([answer.allowed ? 0 : 1, ''])
  return answer
}

/** The same answer from where the command has it, without starting a process. */
async function decision(question: Question, token = ownerToken): Promise<Answer> {
  const { status, json } = await gateway.send({
    host: 'control.keystead.localhost',
    method: 'POST',
    path: '/explain',
    headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
    body: JSON.stringify(question),
  })
  if (status !== 200) throw new Error((json as { error: { message: string } }).error.message)
  return json as Answer
}

const failingOf = ({ links }: Answer): Link | undefined => links.find(({ state }) => state === 'fails')

/**
 * Asks, runs with az what mends the first link that fails, and asks again, until it is allowed. Answers those links.
 */
async function mended(question: Question): Promise<Link[]> {
  const failed: Link[] = []
  for (;;) {
    const answer = await decision(question)
    const link = failingOf(answer)
    if (link === undefined) {
      expect(answer.allowed).toBe(true)
      return failed
    }
    if (failed.some(({ name, detail }) => name === link.name && detail === link.detail)) {
      throw new Error(`It was not mended: ${JSON.stringify(link)}`)
    }
    failed.push(link)
    expect(link.mend?.length).toBeGreaterThan(0)
    for (const command of link.mend ?? []) await az.succeed(`${command} --output none`)
  }
}

const ask = (action: string, scope: string, principal = identity.id): Question => ({ principal, action, scope })
const options = ({ principal, action, scope }: Question): string[] => [
  ...['--principal', principal, '--action', action, '--scope', scope],
]
const names = (links: readonly Link[]): string[] => links.map(({ name }) => name)

describe('a right that is missing', () => {
  test('on a single secret is granted there, and nowhere else', async () => {
    const elsewhere = await owner.vault('kv-elsewhere')
    await owner.grant(elsewhere, 'Key Vault Secrets User', identity.principalId)
    await owner.grant(owner.group, 'Reader', identity.principalId)
    const [link, ...more] = await mended(ask('get', `${vault}/secrets/there`))
    expect(more).toEqual([])
    expect(link).toMatchObject({
      name: 'roles',
      detail: 'no role assigned at this scope or above it grants Microsoft.KeyVault/vaults/secrets/getSecret/action',
      considered: expect.arrayContaining([
        `Reader at ${owner.group}: does not list it`,
        `Key Vault Secrets User at ${elsewhere}: would grant it, but not at this scope`,
      ]),
      mend: [
        `az role assignment create --role 'Key Vault Secrets User' --assignee-object-id ${identity.principalId} ` +
          `--assignee-principal-type ServicePrincipal --scope ${vault}/secrets/there`,
      ],
    })
    const list = await decision(ask('list', vault))
    expect(failingOf(list)?.name).toBe('roles')
    expect(await explain(...options(ask('list', vault)))).toEqual(list)
    const { links } = await decision(ask('get', `${vault}/secrets/there`))
    expect(links.find(({ name }) => name === 'roles')?.considered).toContain(
      `Key Vault Secrets User at ${vault}/secrets/there: grants it`,
    )
  })

  test('of the control plane, and one that notActions take away', async () => {
    const application = await az.json<{ appId: string; id: string }>(
      'az ad app create --display-name explain-app --query "{appId:appId,id:id}"',
    )
    const whole = `/subscriptions/${cloud.environment.AZURE_SUBSCRIPTION_ID}`
    const failed = await mended(
      ask(
        'Microsoft.Resources/subscriptions/resourceGroups/write',
        `${whole}/resourceGroups/new-group`,
        application.appId,
      ),
    )
    expect(names(failed)).toEqual(['principal', 'roles'])
    expect(failed[0]?.mend).toEqual([`az ad sp create --id ${application.appId}`])
    expect(failed[1]?.mend?.[0]).toContain('--role Contributor')
    expect(failed[1]?.mend?.[0]).toContain(`--scope ${whole}`)
    const excluded = await mended(ask('Microsoft.Authorization/roleAssignments/write', owner.group, 'explain-app'))
    expect(excluded[0]).toMatchObject({
      name: 'roles',
      detail: "role 'Contributor' leaves Microsoft.Authorization/roleAssignments/write out",
    })
    expect(excluded[0]?.mend?.[0]).toContain("--role 'Role Based Access Control Administrator'")
  })

  test('is found through a group, and told of an owner that reaches no data', async () => {
    const group = await az.json<{ id: string }>('az ad group create --display-name readers --mail-nickname readers')
    const member = await owner.identity('id-member')
    await az.succeed(`az ad group member add --group ${group.id} --member-id ${member.principalId}`)
    await owner.authorization.roleAssignments.create(vault, randomUUID(), {
      roleDefinitionId: await owner.role('Key Vault Secrets User'),
      principalId: group.id,
      principalType: 'Group',
    })
    const { allowed, links } = await decision(ask('get', `${vault}/secrets/there`, member.principalId))
    expect(allowed).toBe(true)
    expect(links[0]?.considered).toEqual([`member of group readers (${group.id})`])
    expect(links.find(({ name }) => name === 'roles')?.considered).toEqual([
      `Key Vault Secrets User at ${vault}, through group readers: grants it`,
    ])
    const data = await decision(
      ask('Microsoft.Storage/storageAccounts/blobServices/containers/blobs/read', owner.group, 'keystead-owner'),
    )
    expect(failingOf(data)?.considered?.join('\n')).toMatch(
      /^Owner at \/subscriptions\/[^/]+: lists it on the other plane only/m,
    )
  })

  test('on a vault with access policies is added to what is held', async () => {
    const policyVault = await owner.vault('kv-policies', [])
    const [first, ...more] = await mended(ask('list', policyVault))
    expect(more).toEqual([])
    expect(first).toMatchObject({ name: 'access policy' })
    expect(first?.mend).toEqual([
      `az keyvault set-policy --name kv-policies --object-id ${identity.principalId} --secret-permissions list`,
    ])
    const [second] = await mended(ask('Microsoft.KeyVault/vaults/secrets/getSecret/action', policyVault))
    expect(second?.considered).toEqual(['its own policy holds for secrets: list'])
    expect((await decision(ask('list', policyVault))).allowed).toBe(true)
    const [keys] = await mended(ask('Microsoft.KeyVault/vaults/keys/read', policyVault))
    expect(keys?.mend).toEqual(['az keyvault update --name kv-policies --enable-rbac-authorization true'])
  })
})

describe('who and what is not there', () => {
  test('an identity, a group and a vault are made; a deleted vault is recovered', async () => {
    const scope = `/subscriptions/${owner.subscriptionId}/resourceGroups/rg-later`
    const nobody = `${scope}/providers/Microsoft.ManagedIdentity/userAssignedIdentities/id-later`
    const later = `${scope}/providers/Microsoft.KeyVault/vaults/kv-later`
    await az.succeed('az group create --name rg-later --location westeurope --output none')
    await mended(ask('Microsoft.KeyVault/vaults/read', later, nobody)).then((failed) =>
      expect(names(failed)).toEqual(['principal', 'scope', 'roles']),
    )
    await az.succeed('az keyvault delete --name kv-later --resource-group rg-later')
    const [deleted, ...roles] = await mended(ask('Microsoft.KeyVault/vaults/read', later, nobody))
    expect(deleted?.mend).toEqual(['az keyvault recover --name kv-later --location westeurope'])
    // Its assignments went with it.
    expect(names(roles)).toEqual(['roles'])
    const [group] = await mended(
      ask('Microsoft.Resources/subscriptions/resourceGroups/read', `${scope}-2`, 'keystead-owner'),
    )
    expect(group?.mend).toEqual(['az group create --name rg-later-2 --location westeurope'])
  })

  test('a disabled user is enabled', async () => {
    await az.succeed(
      'az ad user create --display-name Disa --user-principal-name disa@keystead.example --password "$password" --output none',
      { password: `Aa1!${randomUUID()}` },
    )
    await az.succeed('az ad user update --id disa@keystead.example --account-enabled false')
    await owner.authorization.roleAssignments.create(owner.group, randomUUID(), {
      roleDefinitionId: await owner.role('Reader'),
      principalId: await az.text('az ad user show --id disa@keystead.example --query id --output tsv'),
      principalType: 'User',
    })
    const [disabled, ...more] = await mended(ask('Microsoft.KeyVault/vaults/read', vault, 'disa@keystead.example'))
    expect(disabled).toMatchObject({ name: 'principal', detail: expect.stringContaining('the account is disabled') })
    expect(more).toEqual([])
    expect((await decision(ask('Microsoft.KeyVault/vaults/read', vault, 'disa'))).allowed).toBe(true)
  })

  test('a word that nobody is known by has no command, and one that several share is told', async () => {
    const { links } = await decision(ask('get', vault, 'nobody-at-all'))
    expect(links[0]).toMatchObject({ state: 'fails', detail: "nobody is known as 'nobody-at-all'" })
    expect(links[0]?.mend).toBeUndefined()
    await az.succeed('az ad group create --display-name disa --mail-nickname disa --output none')
    await expect(decision(ask('get', vault, 'disa'))).rejects.toThrow("'disa' is the name of several")
  })

  test('a storage account, its queue and its container are made, then the right is', async () => {
    const account = `${owner.group}/providers/Microsoft.Storage/storageAccounts/stexplain`
    const queue = `${account}/queueServices/default/queues/orders`
    const failed = await mended(
      ask('Microsoft.Storage/storageAccounts/queueServices/queues/messages/add/action', queue),
    )
    expect(names(failed)).toEqual(['scope', 'scope', 'roles'])
    expect(failed[2]?.mend?.[0]).toContain("--role 'Storage Queue Data Message Sender'")
    const blob = `${account}/blobServices/default/containers/docs/blobs/a%2Fb`
    const blobs = await mended(ask('Microsoft.Storage/storageAccounts/blobServices/containers/blobs/read', blob))
    expect(names(blobs)).toEqual(['scope', 'roles'])
    expect(blobs[1]?.mend?.[0]).toMatch(/containers\/docs$/)
  })

  test('a secret is set, recovered, enabled', async () => {
    await owner.grant(vault, 'Key Vault Secrets User', identity.principalId)
    const scope = `${vault}/secrets/later`
    const step = async () => (await mended(ask('get', scope)))[0]?.detail
    expect(await step()).toBe('vault kv-explain has no secret later')
    await az.succeed('az keyvault secret delete --vault-name kv-explain --name later --output none')
    expect(await step()).toBe('secret later was deleted, and can be recovered')
    await az.succeed(
      'az keyvault secret set-attributes --vault-name kv-explain --name later --enabled false --output none',
    )
    expect(await step()).toBe('secret later is disabled')
  })
})

describe('what stands in the way', () => {
  test('a vault that is closed to public access, or to the address', async () => {
    const closed = await owner.vault('kv-closed')
    await owner.grant(closed, 'Key Vault Secrets User', identity.principalId)
    await az.succeed(
      'az keyvault update --name kv-closed --public-network-access Disabled --default-action Deny --output none',
    )
    const failed = await mended(ask('list', closed))
    expect(names(failed)).toEqual(['network', 'network'])
    const other = await decision({ ...ask('list', closed), clientAddress: '203.0.113.7' })
    expect(failingOf(other)?.mend).toEqual(['az keyvault network-rule add --name kv-closed --ip-address 203.0.113.7'])
  })

  test('a lock', async () => {
    await owner.vault('kv-locked')
    const scope = owner.vaultId('kv-locked')
    await az.succeed(
      'az lock create --name keep --lock-type CanNotDelete --resource-group rg --resource kv-locked --resource-type Microsoft.KeyVault/vaults --output none',
    )
    const update = await decision(ask('Microsoft.KeyVault/vaults/write', scope, 'keystead-owner'))
    expect(update.allowed).toBe(true)
    const [link, ...more] = await mended(ask('Microsoft.KeyVault/vaults/delete', scope, 'keystead-owner'))
    expect(link).toMatchObject({ name: 'locks', detail: 'lock keep (CanNotDelete) forbids it' })
    expect(more).toEqual([])
  })
})

describe('the log beside a 403', () => {
  /** Lines of the core's log about refusals of this service. */
  async function hints(message: string): Promise<string[]> {
    const { stdout } = await cloud.keystead('logs', 'core')
    return stdout
      .split('\n')
      .filter((line) => line.includes(`"${message}"`))
      .map((line) => (JSON.parse(line) as { hint?: string }).hint ?? '')
  }

  test('has the command that would have allowed it, and it does', async () => {
    const stranger = await az.json<{ appId: string; password: string; tenant: string }>(
      'az ad sp create-for-rbac --display-name stranger --only-show-errors',
    )
    await using other = await Az.at(cloud)
    await owner.account('sthints')
    await other.succeed(
      'az login --service-principal -u "$who" -p "$password" --tenant "$tenant" --allow-no-subscriptions --output none',
      { who: stranger.appId, password: stranger.password, tenant: stranger.tenant },
    )
    const cases = [
      ['Key Vault refused a request', 'az keyvault secret show --vault-name kv-explain --name there'],
      ['Storage refused a request', 'az storage container create --account-name sthints --name docs --auth-mode login'],
      ['Resource Manager refused a request', `az resource show --ids ${vault} --api-version 2023-07-01`],
    ] as const
    for (const [message, command] of cases) {
      const { message: refusal } = await other.refused(command)
      const hint = (await hints(message)).at(-1) ?? `no line "${message}": ${refusal}`
      const mend = /To allow it: (az .*)$/.exec(hint)?.[1] ?? hint
      expect(mend).toMatch(/^az role assignment create --role/)
      await az.succeed(`${mend} --output none`)
      await other.succeed(`${command} --output none`)
    }
  })
})

describe('an app', () => {
  test('is walked from its component files to the vault', async () => {
    const components = join(cloud.dataDirectory, '..', `components-${randomUUID()}`)
    await mkdir(components)
    const appIdentity = await owner.identity('id-app-explain')
    await writeFile(
      join(components, 'secrets.yaml'),
      `apiVersion: dapr.io/v1alpha1
kind: Component
metadata: { name: secrets }
spec:
  type: secretstores.azure.keyvault
  version: v1
  metadata:
  - { name: vaultName, value: kv-app }
  - { name: azureClientId, value: ${appIdentity.clientId} }
`,
    )
    const chain = () => explain('--app', 'orders', '--secret', 'account-key')
    await expect(explain('--app', 'nobody', '--secret', 's')).rejects.toThrow("No app 'nobody' was run on this cloud.")

    await writeFile(
      join(components, 'state.yaml'),
      `apiVersion: dapr.io/v1alpha1
kind: Component
metadata: { name: state }
spec:
  type: state.in-memory
  version: v1
  metadata:
  - name: anything
    secretKeyRef: { name: account-key, key: account-key }
auth: { secretStore: secrets }
`,
    )
    const { code, stderr } = await cloud.keystead(
      ...(['run', '--app-id', 'orders', '--resources-path', components] as const),
      ...['--identity', appIdentity.id, '--', 'true'],
    )
    expect(code, stderr).toBe(0)
    const noVault = failingOf(await chain())
    expect(noVault).toMatchObject({ name: 'scope', detail: 'there is no vault kv-app' })
    await az.succeed(`GROUP=rg; ${noVault?.mend?.[0]?.replace('GROUP', '"$GROUP"')} --output none`)
    await az.succeed('az keyvault secret set --vault-name kv-app --name account-key --file FILE --output none')
    const refused = failingOf(await chain())
    expect(refused?.name).toBe('roles')
    await az.succeed(`${refused?.mend?.[0]} --output none`)
    const { allowed, links } = await chain()
    expect(allowed).toBe(true)
    expect(names(links)).toEqual([
      ...['app', 'secret store', 'identity', 'principal', 'scope', 'network', 'roles', 'secret'],
    ])
    expect(links[1]?.considered).toEqual(['state takes anything from it (secretKeyRef, store secrets)'])
  })
})

describe('on a terminal', () => {
  test('marks are coloured, and the command is there to be copied', async () => {
    // Node paints nothing where it sees a CI that it does not know.
    const { FORCE_COLOR: _, NO_COLOR: __, CI: ___, ...env } = process.env
    const question = options(ask('delete', `${vault}/secrets/there`))
    await using terminal = onTerminal(keysteadCommand, ['explain', '--data-dir', cloud.dataDirectory, ...question], {
      env: { ...env, TERM: 'xterm' },
    })
    expect(await terminal.ended).toMatchObject({ code: 1 })
    expect(terminal.stdout).toContain('\x1b[31m✗')
    expect(terminal.stdout).toContain('\x1b[32m✓')
    const piped = await run(keysteadCommand, ['explain', '--data-dir', cloud.dataDirectory, ...question], { env })
    expect(piped.stdout).not.toContain('\x1b')
    expect(piped.stdout).toMatch(/^✗ roles: .*\n(?: {4}.*\n)* {4}mend it: az role assignment create /m)
    expect(piped.stdout).toMatch(/^refused: the first link that fails is roles$/m)
  })

  test('what is no question is told with what would be one', async () => {
    const cases: [string[], string][] = [
      [['--principal', 'p'], 'What is to be explained?'],
      [['--app', 'a', '--secret', 's', '--principal', 'p'], 'What is to be explained?'],
      [options(ask('fly', '/subscriptions/s', 'p')), "'fly' is no permission on secrets"],
    ]
    await Promise.all(
      cases.map(async ([words, message]) => {
        const { code, stderr } = await cloud.keystead('explain', ...words)
        expect(code).toBe(1)
        expect(stderr).toContain(message)
      }),
    )
    for (const [question, message] of [
      [ask('Microsoft.KeyVault/*/read', '/subscriptions/s', 'p'), 'expected an action without wildcards'],
      [ask('get', 'kv-explain', 'p'), 'expected a resource id'],
      [ask('get', '/not/an/id', 'p'), "'/not/an/id' is no resource id."],
      [{ ...ask('get', '/subscriptions/s', 'p'), clientAddress: 'here' }, 'expected an IP address'],
    ] as const) {
      await expect(decision(question)).rejects.toThrow(message)
    }
  })

  test('nobody but who may assign roles is told anything', async () => {
    const { AZURE_TENANT_ID } = cloud.environment
    const reader = await az.json<{ appId: string; password: string }>(
      'az ad sp create-for-rbac --display-name only-reads --role Reader --scopes "$scope" --only-show-errors',
      { scope: `/subscriptions/${owner.subscriptionId}` },
    )
    const credential = new ClientSecretCredential(AZURE_TENANT_ID, reader.appId, reader.password)
    const { token } = await credential.getToken('https://management.azure.com/.default')
    await expect(decision(ask('get', vault), token)).rejects.toThrow(
      "does not have authorization to perform action 'Microsoft.Authorization/roleAssignments/write'",
    )
    await expect(decision(ask('get', vault), 'no-token')).rejects.toThrow(/token/i)
  })
})
