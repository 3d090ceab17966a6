/** `az storage`: accounts, and their blobs and queues by key, by connection string, by signature and by signing in. */
import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { Az } from '../support/az.ts'
import { TestCloud } from '../support/cloud.ts'

let cloud: TestCloud
let az: Az
/** `key1` of the account `stdata`, whose container `docs` and queue `orders` the tests share. */
let key: string
let accountId: string

/** What az makes of the service's AuthenticationFailed and AuthorizationPermissionMismatch. */
const notAuthentic = /^Authentication failure\. This may be caused by either invalid account key/m
const mismatch = /^You do not have the required permissions needed to perform this operation\./m

const later = () => new Date(Date.now() + 3_600_000).toISOString().replace(/\.\d+Z$/, 'Z')

beforeAll(async () => {
  cloud = await TestCloud.start()
  az = await Az.asOwner(cloud)
  await az.succeed('az group create -n rg -l westeurope -o none')
  accountId = await az.text('az storage account create -n stdata -g rg --sku Standard_LRS --query id -o tsv')
  key = await az.text('az storage account keys list -n stdata -g rg --query "[0].value" -o tsv')
  await writeFile(join(az.home, 'greeting.txt'), 'hello, azurite')
})
afterAll(async () => {
  await az?.[Symbol.asyncDispose]()
  await cloud?.[Symbol.asyncDispose]()
})

const byKey = '--account-name stdata --account-key "$KEY"'
const withKey = () => ({ KEY: key })

describe('an account', () => {
  test('is made, shown, listed and deleted; its name is taken meanwhile', async () => {
    const available = () =>
      az.json<{ nameAvailable: boolean; reason: string | null }>('az storage account check-name -n stshort')
    expect(await available()).toMatchObject({ nameAvailable: true })
    const made = await az.json('az storage account create -n stshort -g rg -l westeurope --kind StorageV2')
    expect(made).toMatchObject({
      name: 'stshort',
      kind: 'StorageV2',
      location: 'westeurope',
      provisioningState: 'Succeeded',
      primaryEndpoints: {
        blob: 'https://stshort.blob.core.windows.net/',
        queue: 'https://stshort.queue.core.windows.net/',
      },
    })
    expect(await available()).toMatchObject({ nameAvailable: false, reason: 'AlreadyExists' })
    expect(await az.json('az storage account show -n stshort -g rg')).toEqual(made)
    expect(await az.text('az storage account list -g rg --query "sort([].name)" -o tsv')).toBe('stdata\nstshort')
    await az.succeed('az storage account delete -n stshort -g rg --yes')
    expect((await az.refused('az storage account show -n stshort -g rg')).message).toMatch(/^\(ResourceNotFound\)/)
    expect((await az.refused('az storage account create -n St_Bad -g rg')).message).toMatch(/AccountNameInvalid/)
  })

  test('has two keys; a renewed one refuses what the old one signed', async () => {
    await az.succeed('az storage account create -n stkeys -g rg -o none')
    const keys = await az.json<{ keyName: string; value: string; permissions: string }[]>(
      'az storage account keys list -n stkeys -g rg',
    )
    expect(keys.map(({ keyName, permissions }) => [keyName, permissions.toLowerCase()])).toEqual([
      ['key1', 'full'],
      ['key2', 'full'],
    ])
    const connection = await az.text(
      'az storage account show-connection-string -n stkeys -g rg --query connectionString -o tsv',
    )
    expect(connection).toContain(`AccountName=stkeys;AccountKey=${keys[0]?.value};`)
    const list = 'az storage container list --account-name stkeys --account-key "$KEY" -o none'
    await az.succeed(list, { KEY: keys[0]?.value ?? '' })
    const renewed = await az.json<{ value: string }[]>('az storage account keys renew -n stkeys -g rg --key primary')
    expect(renewed[0]?.value).not.toBe(keys[0]?.value)
    expect(renewed[1]?.value).toBe(keys[1]?.value)
    expect((await az.refused(list, { KEY: keys[0]?.value ?? '' })).stderr).toMatch(notAuthentic)
    await az.succeed(list, { KEY: renewed[0]?.value ?? '' })
  })
})

describe('by key', () => {
  test('blobs are uploaded, listed, shown, downloaded and deleted', async () => {
    expect(await az.json(`az storage container create -n docs ${byKey}`, withKey())).toEqual({ created: true })
    expect(await az.json(`az storage container create -n docs ${byKey}`, withKey())).toEqual({ created: false })
    const blob = '-c docs -n a/greeting.txt'
    await az.succeed(`az storage blob upload ${blob} -f greeting.txt --no-progress ${byKey} -o none`, withKey())
    expect(await az.text(`az storage blob list -c docs --query "[].name" -o tsv ${byKey}`, withKey())).toBe(
      'a/greeting.txt',
    )
    expect(await az.json(`az storage blob show ${blob} --query properties ${byKey}`, withKey())).toMatchObject({
      blobType: 'BlockBlob',
      contentLength: 14,
      contentSettings: { contentType: 'text/plain' },
    })
    await az.succeed(`az storage blob download ${blob} -f back.txt --no-progress ${byKey} -o none`, withKey())
    expect(await readFile(join(az.home, 'back.txt'), 'utf8')).toBe('hello, azurite')
    await az.succeed(`az storage blob upload -c docs -n gone -f greeting.txt --no-progress ${byKey} -o none`, withKey())
    await az.succeed(`az storage blob delete -c docs -n gone ${byKey}`, withKey())
    expect(await az.json(`az storage blob exists -c docs -n gone ${byKey}`, withKey())).toEqual({ exists: false })
    expect(await az.json(`az storage blob exists ${blob} ${byKey}`, withKey())).toEqual({ exists: true })
    expect((await az.refused(`az storage blob show -c docs -n gone ${byKey}`, withKey())).stderr).toMatch(
      /ErrorCode:BlobNotFound/,
    )
  })

  test('messages are put, peeked at, taken and deleted', async () => {
    await az.succeed(`az storage queue create -n orders ${byKey} -o none`, withKey())
    await az.succeed(`az storage message put -q orders --content first ${byKey} -o none`, withKey())
    const peek = () => az.text(`az storage message peek -q orders --query "[].content" -o tsv ${byKey}`, withKey())
    expect(await peek()).toBe('first')
    const [taken] = await az.json<{ id: string; popReceipt: string; content: string }[]>(
      `az storage message get -q orders ${byKey}`,
      withKey(),
    )
    expect(taken?.content).toBe('first')
    expect(await peek()).toBe('')
    await az.succeed(`az storage message delete -q orders --id ${taken?.id} --pop-receipt "$RECEIPT" ${byKey}`, {
      ...withKey(),
      RECEIPT: taken?.popReceipt ?? '',
    })
    expect(await az.json(`az storage queue exists -n orders ${byKey}`, withKey())).toEqual({ exists: true })
  })

  test('that is another’s, nothing is done', async () => {
    const wrong = { KEY: Buffer.alloc(64, 7).toString('base64') }
    // With what the service said, which az words anew.
    const { code, stderr } = await az.run(`az storage container list --debug ${byKey}`, wrong)
    expect([code, stderr]).toEqual([1, expect.stringContaining('<Code>AuthenticationFailed</Code>')])
    expect((await az.refused(`az storage queue list ${byKey}`, wrong)).stderr).toMatch(notAuthentic)
  })
})

test('by connection string, as a variable that every command reads', async () => {
  const connection = {
    AZURE_STORAGE_CONNECTION_STRING: await az.text(
      'az storage account show-connection-string -n stdata --query connectionString -o tsv',
    ),
  }
  expect(await az.text('az storage container list --query "[].name" -o tsv', connection)).toBe('docs')
  await az.succeed('az storage message put -q orders --content second -o none', connection)
  expect(await az.text('az storage message peek -q orders --query "[0].content" -o tsv', connection)).toBe('second')
})

describe('by signature', () => {
  const bySas = '--account-name stdata --sas-token "$SAS"'

  test('of a container: what its letters say', async () => {
    const sas = await az.text(
      `az storage container generate-sas -n docs --permissions lr --expiry ${later()} ${byKey} -o tsv`,
      withKey(),
    )
    expect(await az.text(`az storage blob list -c docs --query "[].name" -o tsv ${bySas}`, { SAS: sas })).toBe(
      'a/greeting.txt',
    )
    const { stderr } = await az.refused(`az storage blob upload -c docs -n b -f greeting.txt --no-progress ${bySas}`, {
      SAS: sas,
    })
    expect(stderr).toMatch(mismatch)
  })

  test('of one blob: nothing beside it, and nothing after its end', async () => {
    const generate = (expiry: string) =>
      az.text(
        `az storage blob generate-sas -c docs -n a/greeting.txt --permissions r --expiry ${expiry} ${byKey} -o tsv`,
        withKey(),
      )
    const show = (name: string) => `az storage blob show -c docs -n ${name} --query name -o tsv ${bySas}`
    const sas = await generate(later())
    expect(await az.text(show('a/greeting.txt'), { SAS: sas })).toBe('a/greeting.txt')
    expect((await az.refused(show('b'), { SAS: sas })).stderr).toMatch(notAuthentic)
    const expired = await generate('2020-01-01T00:00:00Z')
    const download = `az storage blob download -c docs -n a/greeting.txt -f no.txt --no-progress ${bySas}`
    expect((await az.refused(download, { SAS: expired })).stderr).toMatch(notAuthentic)
  })

  test('of a queue, and of the account', async () => {
    const sas = await az.text(
      `az storage queue generate-sas -n orders --permissions a --expiry ${later()} ${byKey} -o tsv`,
      withKey(),
    )
    await az.succeed(`az storage message put -q orders --content third -o none ${bySas}`, { SAS: sas })
    expect((await az.refused(`az storage message peek -q orders ${bySas}`, { SAS: sas })).stderr).toMatch(mismatch)
    const whole = await az.text(
      `az storage account generate-sas --services bq --resource-types sco --permissions rl --expiry ${later()} ${byKey} -o tsv`,
      withKey(),
    )
    expect(await az.text(`az storage container list --query "[].name" -o tsv ${bySas}`, { SAS: whole })).toBe('docs')
    expect(await az.text(`az storage queue list --query "[].name" -o tsv ${bySas}`, { SAS: whole })).toBe('orders')
    expect((await az.refused(`az storage queue create -n more ${bySas}`, { SAS: whole })).stderr).toMatch(mismatch)
  })
})

describe('by signing in', () => {
  const login = '--account-name stdata --auth-mode login'

  test('nothing without a data role, the owner’s own included; what a role says with one', async () => {
    for (const command of ['az storage blob show -c docs -n a/greeting.txt', 'az storage message peek -q orders']) {
      expect((await az.refused(`${command} ${login}`)).stderr).toMatch(mismatch)
    }
    const who = '--assignee "$AZURE_CLIENT_ID"'
    await az.succeed(`
      az role assignment create --role "Storage Blob Data Reader" ${who} --scope "${accountId}/blobServices/default/containers/docs" -o none
      az role assignment create --role "Storage Queue Data Contributor" ${who} --scope "${accountId}/queueServices/default/queues/orders" -o none`)
    expect(await az.text(`az storage blob list -c docs --query "[].name" -o tsv ${login}`)).toBe('a/greeting.txt')
    expect(
      (await az.refused(`az storage blob upload -c docs -n b -f greeting.txt --no-progress ${login}`)).stderr,
    ).toMatch(mismatch)
    await az.succeed(`az storage message put -q orders --content fourth -o none ${login}`)
  })

  test('a signature of the one who signed in has that one’s rights, and loses them with the role', async () => {
    const assigned = await az.text(
      'az role assignment create --role "Storage Blob Delegator" --assignee "$AZURE_CLIENT_ID" --scope "$scope" --query id -o tsv',
      { scope: accountId },
    )
    const sas = await az.text(
      `az storage container generate-sas -n docs --permissions rlw --expiry ${later()} --as-user ${login} -o tsv`,
    )
    expect(sas).toMatch(/skoid=/)
    const list = 'az storage blob list -c docs --query "[].name" -o tsv --account-name stdata --sas-token "$SAS"'
    expect(await az.text(list, { SAS: sas })).toBe('a/greeting.txt')
    const upload =
      'az storage blob upload -c docs -n b -f greeting.txt --no-progress --account-name stdata --sas-token "$SAS"'
    expect((await az.refused(upload, { SAS: sas })).stderr).toMatch(mismatch)
    await az.succeed(
      `
      az role assignment delete --ids "$assigned"
      az role assignment delete --role "Storage Blob Data Reader" --assignee "$AZURE_CLIENT_ID" --scope "${accountId}/blobServices/default/containers/docs"`,
      {
        assigned,
      },
    )
    expect((await az.refused(list, { SAS: sas })).stderr).toMatch(mismatch)
  })
})
