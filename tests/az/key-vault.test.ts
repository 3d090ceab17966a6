/** `az keyvault` and `az keyvault secret`, as people type them; what az writes is read back by the JavaScript SDKs. */
import { readFile, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { SecretClient } from '@azure/keyvault-secrets'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { Az } from '../support/az.ts'
import { TestCloud } from '../support/cloud.ts'
import { Provisioner } from '../support/provisioner.ts'

interface Secret {
  readonly id: string
  readonly name: string
  readonly value: string | null
  readonly contentType: string | null
  readonly tags: Record<string, string> | null
  readonly attributes: Record<string, unknown>
}
interface Application {
  readonly appId: string
  readonly password: string
  readonly tenant: string
}

let cloud: TestCloud
let owner: Provisioner
let az: Az
/** Signed in as an application that has no right but those a test gives it. */
let reader: Az
let readerAppId: string
let readerObjectId: string

beforeAll(async () => {
  cloud = await TestCloud.start()
  await cloud.connect()
  owner = await Provisioner.asOwner(cloud.environment)
  az = await Az.asOwner(cloud)
  await az.succeed(`
    az role assignment create --assignee "$AZURE_CLIENT_ID" --role "Key Vault Secrets Officer" \
      --scope "/subscriptions/$AZURE_SUBSCRIPTION_ID" --output none
    az keyvault create --name kv-roles --resource-group rg --location westeurope --output none
    az keyvault create --name kv-policies --resource-group rg --location westeurope --output none \
      --enable-rbac-authorization false`)
  const { appId, password, tenant } = await az.json<Application>('az ad sp create-for-rbac --name reader')
  readerAppId = appId
  readerObjectId = await az.text(`az ad sp show --id ${appId} --query id --output tsv`)
  reader = await Az.at(cloud)
  await reader.succeed('az login --service-principal -u "$who" -p "$word" --tenant "$of" --allow-no-subscriptions', {
    who: appId,
    word: password,
    of: tenant,
  })
})
afterAll(async () => {
  await reader?.[Symbol.asyncDispose]()
  await az?.[Symbol.asyncDispose]()
  await cloud?.[Symbol.asyncDispose]()
})

const secretClient = (vault: string) => new SecretClient(`https://${vault}.vault.azure.net`, owner.credential)
const readVault = async (name: string) => (await owner.keyVault.vaults.get('rg', name)).properties
const readerLine = () =>
  `Caller: appid=${readerAppId};oid=${readerObjectId};iss=https://sts.windows.net/${owner.tenantId}/`

describe('az keyvault', () => {
  test('creates a vault that decides by roles, and shows it in every form of output', async () => {
    const created = await az.json('az keyvault create --location westeurope --name kv-shown --resource-group rg')
    expect(created).toMatchObject({
      id: owner.vaultId('kv-shown'),
      name: 'kv-shown',
      resourceGroup: 'rg',
      properties: {
        accessPolicies: [],
        enableRbacAuthorization: true,
        enableSoftDelete: true,
        provisioningState: 'Succeeded',
        sku: { family: 'A', name: 'standard' },
        softDeleteRetentionInDays: 90,
        vaultUri: 'https://kv-shown.vault.azure.net/',
      },
    })
    expect(await az.json('az keyvault show --name KV-Shown')).toEqual(created)
    expect(await az.text('az keyvault show --name kv-shown --query id --output tsv')).toBe(owner.vaultId('kv-shown'))
    expect(await az.text('az keyvault show -n kv-shown --query "{at:location,sku:properties.sku.name}" -o yaml')).toBe(
      'at: westeurope\nsku: standard',
    )
    expect(await az.text('az keyvault show -n kv-shown --query "{name:name,where:location}" -o table')).toBe(
      'Name      Where\n--------  ----------\nkv-shown  westeurope',
    )
    expect(await readVault('kv-shown')).toMatchObject({ enableRbacAuthorization: true, accessPolicies: [] })
  })

  test('lists and updates vaults, and checks names', async () => {
    await az.succeed('az group create --name rg-listed --location northeurope --output none')
    await az.succeed('az keyvault create --name kv-listed --resource-group rg-listed --sku premium --output none')
    expect(await az.text('az keyvault list --resource-group rg-listed --query "[].name" --output tsv')).toBe(
      'kv-listed',
    )
    expect((await az.text('az keyvault list --query "[].name" --output tsv')).split('\n')).toEqual(
      expect.arrayContaining(['kv-listed', 'kv-roles', 'kv-policies']),
    )
    expect(
      await az.json(
        'az keyvault update --name kv-listed --enabled-for-deployment true --set tags.team=orders --query "[tags,properties.enabledForDeployment]"',
      ),
    ).toEqual([{ team: 'orders' }, true])
    const read = await owner.keyVault.vaults.get('rg-listed', 'kv-listed')
    expect(read).toMatchObject({
      location: 'northeurope',
      tags: { team: 'orders' },
      properties: { enabledForDeployment: true, sku: { name: 'premium' }, enableRbacAuthorization: true },
    })
    // az asks for the name of a managed HSM, whatever kind is meant.
    expect(await az.json('az keyvault check-name --name hsm-orders --query nameAvailable')).toBe(true)
    expect(await az.json('az keyvault check-name --name 1hsm --query reason')).toBe('AccountNameInvalid')
  })

  test.each<[string, string, string]>([
    ['a vault that is there already', '-n kv-roles -g rg', 'The specified vault: kv-roles already exists'],
    [
      'a name that another group uses',
      '-n kv-roles -g rg-second -l westeurope',
      "(VaultAlreadyExists) The vault name 'kv-roles' is already in use",
    ],
    ['an invalid name', '-n kv_roles -g rg', "(VaultNameNotValid) The vault name 'kv_roles' is invalid."],
    ['a name that is too long', `-n kv-${'a'.repeat(22)} -g rg`, '(VaultNameNotValid)'],
    [
      'a group that is not there',
      '-n kv-new -g rg-none -l westeurope',
      "(ResourceGroupNotFound) Resource group 'rg-none' could not be found.",
    ],
    [
      'a location that is none',
      '-n kv-new -g rg -l atlantis',
      "(LocationNotAvailableForResourceType) The provided location 'atlantis' is not available",
    ],
    [
      'a retention that is too short',
      '-n kv-new -g rg --retention-days 6',
      '(BadRequest) The property "softDeleteRetentionInDays" must be between 7 and 90.',
    ],
  ])('does not create %s', async (_which, parameters, message) => {
    await owner.resources.resourceGroups.createOrUpdate('rg-second', { location: 'westeurope' })
    const refusal = await az.refused(`az keyvault create ${parameters}`)
    expect(refusal.message).toContain(message)
  })

  test('keeps a deleted vault and its name until it is recovered or purged', async () => {
    await az.succeed(`
      az keyvault create -n kv-passing -g rg -o none
      az keyvault secret set --vault-name kv-passing -n kept --value through -o none
      az role assignment create --assignee "$AZURE_CLIENT_ID" --role "Key Vault Secrets Officer" -o none \
        --scope "$(az keyvault show -n kv-passing --query id -o tsv)"
      az keyvault delete -n kv-passing`)
    expect(await az.json('az keyvault list-deleted --query "[].name"')).toEqual(['kv-passing'])
    expect(await az.json('az keyvault show-deleted --name kv-passing --query properties')).toMatchObject({
      location: 'westeurope',
      vaultId: owner.vaultId('kv-passing'),
      scheduledPurgeDate: expect.any(String),
    })
    expect(await owner.keyVault.vaults.getDeleted('kv-passing', 'westeurope')).toMatchObject({ name: 'kv-passing' })
    expect((await az.refused('az keyvault show --name kv-passing')).message).toBe(
      "The Vault 'kv-passing' not found within subscription.",
    )
    expect((await az.refused('az keyvault create --name kv-passing --resource-group rg')).message).toMatch(
      /^\(ConflictError\) A vault with the same name already exists in deleted state. You need to either recover or purge/,
    )
    expect(await az.text('az keyvault recover --name kv-passing --query name --output tsv')).toBe('kv-passing')
    expect(await az.text('az keyvault secret show --vault-name kv-passing -n kept --query value -o tsv')).toBe(
      'through',
    )
    await az.succeed('az keyvault delete --name kv-passing; az keyvault purge --name kv-passing')
    expect((await az.refused('az keyvault purge --name kv-passing')).message).toBe(
      'No deleted Vault or HSM was found with name kv-passing',
    )
    await az.succeed('az keyvault create --name kv-passing --resource-group rg --output none')
    const absent = await az.refused('az keyvault secret show --vault-name kv-passing --name kept')
    expect(absent.message).toMatch(/^\(SecretNotFound\)/)
  })

  test('does not purge a vault that is protected from it, nor take the protection away', async () => {
    await az.succeed('az keyvault create -n kv-held -g rg --enable-purge-protection true --retention-days 7 -o none')
    const off = await az.refused('az keyvault update --name kv-held --enable-purge-protection false')
    expect(off.message).toContain('The property "enablePurgeProtection" cannot be set to false.')
    await az.succeed('az keyvault delete --name kv-held')
    expect((await az.refused('az keyvault purge --name kv-held')).message).toMatch(
      /^\(MethodNotAllowed\) Operation 'DeletedVaultPurge' is not allowed./,
    )
  })
})

describe('az keyvault set-policy and delete-policy', () => {
  const permissionsOf = async (objectId: string) =>
    (await readVault('kv-policies')).accessPolicies?.find((policy) => policy.objectId === objectId)?.permissions

  test('give a service principal its permissions by --spn, and take them away again', async () => {
    await az.succeed('az keyvault secret set --vault-name kv-policies --name s --value shared --output none')
    const show = 'az keyvault secret show --vault-name kv-policies --name s --query value --output tsv'
    const refusal = {
      message: expect.stringContaining(
        `(Forbidden) The user, group or application '${readerLine().slice('Caller: '.length)}' does not have secrets get permission on key vault 'kv-policies;location=westeurope'`,
      ),
      stderr: expect.stringContaining('"code": "AccessDenied"'),
    }
    expect(await reader.refused(show)).toMatchObject(refusal)
    await az.succeed(
      'az keyvault set-policy --name kv-policies --spn "$spn" --secret-permissions get list --output none',
      { spn: readerAppId },
    )
    expect((await permissionsOf(readerObjectId))?.secrets?.toSorted()).toEqual(['get', 'list'])
    expect(await reader.text(show)).toBe('shared')
    const set = await reader.refused('az keyvault secret set --vault-name kv-policies --name s --value mine')
    expect(set.message).toContain('does not have secrets set permission')
    await az.succeed('az keyvault delete-policy --name kv-policies --spn "$spn" --output none', { spn: readerAppId })
    expect(await permissionsOf(readerObjectId)).toBeUndefined()
    expect(await reader.refused(show)).toMatchObject(refusal)
  })

  test('take a user by --upn and any principal by --object-id', async () => {
    const user = await az.text(
      'az ad user create --display-name Alice --user-principal-name alice@keystead.example --password "$word" --query id -o tsv',
      { word: 'A-long-enough-1' },
    )
    await az.succeed(`
      az keyvault set-policy --name kv-policies --upn alice@keystead.example --secret-permissions get -o none
      az keyvault set-policy --name kv-policies --object-id ${readerObjectId} --secret-permissions list -o none`)
    expect(await permissionsOf(user)).toMatchObject({ secrets: ['get'] })
    expect(await permissionsOf(readerObjectId)).toMatchObject({ secrets: ['list'] })
    await az.succeed(`
      az keyvault delete-policy --name kv-policies --upn alice@keystead.example -o none
      az keyvault delete-policy --name kv-policies --object-id ${readerObjectId} -o none`)
    expect((await readVault('kv-policies')).accessPolicies).toHaveLength(1)
    const again = await az.refused(`az keyvault delete-policy --name kv-policies --object-id ${readerObjectId}`)
    expect(again.message).toBe('No matching policies found')
  })

  test('are refused on a vault that decides by roles, and for a principal that nobody knows', async () => {
    const roles = await az.refused(`az keyvault set-policy -n kv-roles --spn ${readerAppId} --secret-permissions get`)
    expect(roles.message).toBe("Cannot set policies to a vault with '--enable-rbac-authorization' specified")
    const nobody = crypto.randomUUID()
    const spn = await az.refused(`az keyvault set-policy -n kv-policies --spn ${nobody} --secret-permissions get`)
    expect(spn.stderr).toContain(`Unable to find service principal with spn '${nobody}'`)
    const upn = await az.refused(
      'az keyvault set-policy -n kv-policies --upn eve@keystead.example --secret-permissions get',
    )
    expect(upn.stderr).toContain("Unable to find user with upn 'eve@keystead.example'")
  })
})

describe('the network rules of a vault', () => {
  const show = 'az keyvault secret show --vault-name kv-walled --name s --query value --output tsv'
  let caller: string

  beforeAll(async () => {
    await az.succeed(`
      az keyvault create --name kv-walled --resource-group rg --output none
      az keyvault secret set --vault-name kv-walled --name s --value within --output none`)
    const oid = await az.text('az ad sp show --id "$AZURE_CLIENT_ID" --query id --output tsv')
    const { AZURE_CLIENT_ID } = cloud.environment
    caller = `Caller: appid=${AZURE_CLIENT_ID};oid=${oid};iss=https://sts.windows.net/${owner.tenantId}/\nVault: kv-walled;location=westeurope`
  })

  test('let in the addresses that they name, and refuse the others', async () => {
    await az.succeed('az keyvault update --name kv-walled --default-action Deny --output none')
    const walled = await az.refused(show)
    expect(walled.message.replaceAll('\r', '')).toContain(
      `(Forbidden) Client address is not authorized and caller is not a trusted service.\nClient address: 127.0.0.1\n${caller}`,
    )
    expect(walled.message).toContain('"code": "ForbiddenByFirewall"')

    await az.succeed('az keyvault network-rule add --name kv-walled --ip-address 10.1.0.0/16 127.0.0.1 --output none')
    expect(await az.json('az keyvault network-rule list --name kv-walled')).toMatchObject({
      bypass: 'AzureServices',
      defaultAction: 'Deny',
      ipRules: [{ value: '10.1.0.0/16' }, { value: '127.0.0.1' }],
    })
    expect((await readVault('kv-walled')).networkAcls?.ipRules).toEqual([
      { value: '10.1.0.0/16' },
      { value: '127.0.0.1' },
    ])
    expect(await az.text(show)).toBe('within')

    await az.succeed('az keyvault network-rule remove --name kv-walled --ip-address 127.0.0.1 --output none')
    expect((await az.refused(show)).message).toContain('ForbiddenByFirewall')
    await az.succeed('az keyvault update --name kv-walled --default-action Allow --output none')
    expect(await az.text(show)).toBe('within')
  })

  test('count for nothing once public access is disabled, and trusted services are none of the callers here', async () => {
    await az.succeed(`
      az keyvault network-rule add --name kv-walled --ip-address 127.0.0.1 --output none
      az keyvault update --name kv-walled --public-network-access Disabled --output none`)
    const trusted = await az.refused(show)
    expect(trusted.message.replaceAll('\r', '')).toContain(
      `(Forbidden) Public network access is disabled and request is not from a trusted service nor via an approved private link.\n${caller}`,
    )
    expect(trusted.message).toContain('"code": "ForbiddenByConnection"')
    await az.succeed('az keyvault update --name kv-walled --bypass None --output none')
    const ignored = await az.refused(show)
    expect(ignored.message).toMatch(
      /^\(Forbidden\) Connection is not an approved private link and caller was ignored because bypass is not set to 'AzureServices' and PublicNetworkAccess is set to 'Disabled'\./,
    )
    await az.succeed('az keyvault update --name kv-walled --public-network-access Enabled --output none')
    expect(await az.text(show)).toBe('within')
  })

  test('close a vault from the start', async () => {
    await az.succeed(
      'az keyvault create -n kv-closed -g rg --default-action Deny --network-acls-ips 203.0.113.0/24 -o none',
    )
    const refusal = await az.refused('az keyvault secret set --vault-name kv-closed --name s --value v')
    expect(refusal.message).toContain('ForbiddenByFirewall')
    const wrong = await az.refused('az keyvault network-rule add --name kv-closed --ip-address 10.0.0.0/33')
    expect(wrong.message).toContain("'10.0.0.0/33' does not appear to be an IPv4 or IPv6 network")
  })
})

describe('az keyvault secret', () => {
  test('sets versions of a secret, shows one or the latest, and lists them without values', async () => {
    const first = await az.json<Secret>(
      'az keyvault secret set --vault-name kv-roles --name api-base-url --value "https://example.internal"',
    )
    expect(first).toMatchObject({
      name: 'api-base-url',
      value: 'https://example.internal',
      tags: { 'file-encoding': 'utf-8' },
      attributes: { enabled: true, recoveryLevel: 'Recoverable+Purgeable', recoverableDays: 90 },
    })
    expect(first.id).toMatch(/^https:\/\/kv-roles\.vault\.azure\.net\/secrets\/api-base-url\/[0-9a-f]{32}$/)
    await writeFile(join(az.home, 'value.txt'), 'zweite é 漢')
    await az.succeed(
      'az keyvault secret set --vault-name kv-roles -n api-base-url --file value.txt --description text/plain --tags a=b --expires 2035-01-01T00:00:00Z -o none',
    )
    expect(await az.text('az keyvault secret show --vault-name kv-roles -n api-base-url --query value -o tsv')).toBe(
      'zweite é 漢',
    )
    expect(await az.text('az keyvault secret show --id "$id" --query "{value:value}" -o yaml', { id: first.id })).toBe(
      'value: https://example.internal',
    )
    const read = await secretClient('kv-roles').getSecret('api-base-url')
    expect(read).toMatchObject({
      value: 'zweite é 漢',
      properties: { contentType: 'text/plain', expiresOn: new Date('2035-01-01T00:00:00Z'), tags: { a: 'b' } },
    })

    const versions = await az.json<Secret[]>('az keyvault secret list-versions --vault-name kv-roles -n api-base-url')
    expect(versions.map(({ id }) => id)).toContain(first.id)
    expect(versions).toHaveLength(2)
    const table = await az.text('az keyvault secret list --vault-name kv-roles --output table')
    expect(table.split('\n')[0]).toMatch(/^Name +Id +ContentType +Enabled +Expires$/)
    expect(table).toMatch(
      /api-base-url +https:\/\/kv-roles\.vault\.azure\.net\/secrets\/api-base-url +text\/plain +True +2035/,
    )
    expect(JSON.stringify(versions) + table).not.toContain('example.internal')
  })

  test('changes attributes, and is refused the value of a disabled secret', async () => {
    await az.succeed(`
      az keyvault secret set --vault-name kv-roles -n switched --value v -o none
      az keyvault secret set-attributes --vault-name kv-roles -n switched --enabled false --tags why=leaked -o none`)
    const refusal = await az.refused('az keyvault secret show --vault-name kv-roles -n switched')
    expect(refusal.message).toMatch(/^\(Forbidden\) Operation get is not allowed on a disabled secret\./)
    await az.succeed('az keyvault secret set-attributes --vault-name kv-roles -n switched --enabled true -o none')
    const { value, properties } = await secretClient('kv-roles').getSecret('switched')
    expect([value, properties.tags]).toEqual(['v', { why: 'leaked' }])
  })

  test('deletes, shows what is deleted, recovers and purges', async () => {
    const on = '--vault-name kv-roles --name passing'
    await az.succeed(`az keyvault secret set ${on} --value v -o none; az keyvault secret delete ${on} -o none`)
    expect(await az.json('az keyvault secret list-deleted --vault-name kv-roles --query "[].name"')).toEqual([
      'passing',
    ])
    expect(await az.json(`az keyvault secret show-deleted ${on}`)).toMatchObject({
      recoveryId: 'https://kv-roles.vault.azure.net/deletedsecrets/passing',
      value: null,
    })
    expect((await az.refused(`az keyvault secret set ${on} --value w`)).message).toMatch(
      /^\(Conflict\) Secret passing is currently in a deleted but recoverable state/,
    )
    await az.succeed(`az keyvault secret recover ${on} -o none`)
    expect((await secretClient('kv-roles').getSecret('passing')).value).toBe('v')
    await az.succeed(`az keyvault secret delete ${on} -o none; az keyvault secret purge ${on}`)
    await expect(secretClient('kv-roles').getDeletedSecret('passing')).rejects.toMatchObject({ statusCode: 404 })
  })

  test('backs up, restores and downloads', async () => {
    await az.succeed(`
      az keyvault secret set --vault-name kv-roles -n precious --value treasure -o none
      az keyvault secret backup --vault-name kv-roles -n precious --file precious.backup
      az keyvault secret restore --vault-name kv-policies --file precious.backup -o none
      az keyvault secret download --vault-name kv-policies -n precious --file precious.txt`)
    expect((await readFile(join(az.home, 'precious.backup'))).includes('treasure')).toBe(false)
    expect(await readFile(join(az.home, 'precious.txt'), 'utf8')).toBe('treasure')
    expect((await secretClient('kv-policies').getSecret('precious')).value).toBe('treasure')
    expect(
      (await az.refused('az keyvault secret restore --vault-name kv-policies --file precious.backup')).message,
    ).toMatch(/^\(Conflict\) There was a conflict restoring the secret/)
    const { size } = await stat(join(az.home, 'precious.txt'))
    await az.refused('az keyvault secret download --vault-name kv-roles -n precious --file precious.txt')
    expect((await stat(join(az.home, 'precious.txt'))).size).toBe(size)
  })

  test('says what it was refused: a name, a value, a secret, a vault, a right', async () => {
    await writeFile(join(az.home, 'large'), 'x'.repeat(25_601))
    const cases: [Az, string, string][] = [
      [az, 'set --vault-name kv-roles -n under_score --value v', '(BadParameter)'],
      [az, 'set --vault-name kv-roles -n large --file large', '(BadParameter)'],
      [
        az,
        'show --vault-name kv-roles -n absent',
        '(SecretNotFound) A secret with (name/id) absent was not found in this key vault.',
      ],
      [reader, 'list --vault-name kv-roles', '(Forbidden) Caller is not authorized to perform action on resource.'],
    ]
    for (const [who, command, message] of cases) {
      expect((await who.refused(`az keyvault secret ${command}`)).message.slice(0, message.length)).toBe(message)
    }
    const unknown = await az.refused('az keyvault secret show --vault-name kv-nobodys -n s')
    expect(unknown.message).toContain('this cloud has no Key Vault named "kv-nobodys"')
    const { message } = await reader.refused('az keyvault secret show --vault-name kv-roles -n api-base-url')
    for (const line of [
      readerLine(),
      "Action: 'Microsoft.KeyVault/vaults/secrets/getSecret/action'",
      `Resource: '${owner.vaultId('kv-roles').toLowerCase()}/secrets/api-base-url'`,
      'Assignment: (not found)',
      'Vault: kv-roles;location=westeurope',
      '"code": "ForbiddenByRbac"',
    ]) {
      expect(message).toContain(line)
    }
    expect(message).not.toContain('example.internal')
  })
})
