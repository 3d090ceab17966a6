/** The ways in which a person's az reaches a cloud, and what it leaves alone on the way. */
import { cp, mkdir, readdir, readFile, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { Az } from '../support/az.ts'
import { keysteadCommand, TestCloud } from '../support/cloud.ts'
import { Gateway } from '../support/gateway.ts'
import { RecordingProxy } from '../support/recording-proxy.ts'

let cloud: TestCloud
let company: RecordingProxy
/** A shell that was told nothing of the cloud, but of the company's proxy. */
let az: Az
let variables: { keystead: string; data: string; id: string; secret: string; tenant: string }

const canary = '00000000-1111-2222-3333-444444444444'

beforeAll(async () => {
  company = await RecordingProxy.start()
  cloud = await TestCloud.start({ HTTPS_PROXY: company.url, HTTP_PROXY: company.url })
  az = await bareShell()
  const { AZURE_CLIENT_ID: id, AZURE_CLIENT_SECRET: secret, AZURE_TENANT_ID: tenant } = cloud.environment
  variables = { keystead: keysteadCommand, data: cloud.dataDirectory, id, secret, tenant }
})
afterAll(async () => {
  await az?.[Symbol.asyncDispose]()
  await cloud?.[Symbol.asyncDispose]()
  await company?.[Symbol.asyncDispose]()
})

async function bareShell(): Promise<Az> {
  const nothing = Object.fromEntries(Object.keys(cloud.environment).map((name) => [name, undefined]))
  const shell = await Az.at(cloud, { ...nothing, HTTPS_PROXY: company.url, HTTP_PROXY: company.url })
  const own = join(shell.home, '.azure')
  await mkdir(own)
  const subscription = { id: canary, name: 'production', state: 'Enabled', tenantId: canary, isDefault: true }
  const profile = {
    installationId: canary,
    subscriptions: [
      { ...subscription, environmentName: 'AzureCloud', user: { name: 'someone@example.com', type: 'user' } },
    ],
  }
  await writeFile(join(own, 'azureProfile.json'), JSON.stringify(profile))
  await writeFile(join(own, 'config'), '[defaults]\ngroup = production\n')
  return shell
}

/** Every file with what is in it and when it was written. */
async function contentOf(folder: string): Promise<Record<string, string>> {
  const found: Record<string, string> = {}
  for (const entry of await readdir(folder, { recursive: true, withFileTypes: true })) {
    const path = join(entry.parentPath, entry.name)
    if (entry.isFile()) found[path] = `${(await stat(path)).mtimeMs} ${await readFile(path, 'utf8')}`
  }
  return found
}

test('`eval "$(keystead env)"`, then plain az: a person’s own configuration is neither read nor written', async () => {
  const own = join(az.home, '.azure')
  const before = await contentOf(own)
  const { stdout, stderr } = await az.succeed(
    `eval "$("$keystead" env --data-dir "$data")"
     az account list --only-show-errors
     az login --service-principal --username "$id" --password "$secret" --tenant "$tenant" --query '[].name' --output tsv
     az config get defaults.group 2>&1 || true
     az group list`,
    variables,
  )
  expect(stdout).not.toContain(canary)
  expect(stdout).not.toContain('production')
  expect(stdout).toMatch(/^\[\]\nKeystead\n/)
  expect(stderr).toBe('')
  expect(await contentOf(own)).toEqual(before)
  expect(await readdir(join(cloud.dataDirectory, 'azure'))).toContain('azureProfile.json')
})

test('`keystead exec -- az` is the same shell, for one command, with its exit code', async () => {
  const command = '"$keystead" exec --data-dir "$data" -- az account show --query tenantId --output tsv'
  expect(await az.text(command, variables)).toBe(variables.tenant)
  const { code, message } = await az.refused(
    '"$keystead" exec --data-dir "$data" -- az group show --name rg-nowhere',
    variables,
  )
  expect({ code, message }).toMatchObject({ code: 3, message: expect.stringContaining('ResourceGroupNotFound') })
})

test('what az asks for besides is answered at once and leaves no word: nothing went to the network', async () => {
  // The first command of a fresh configuration looks for a newer version; telemetry would follow each.
  const fresh = join(az.home, 'fresh')
  await cp(join(cloud.dataDirectory, 'azure'), fresh, { recursive: true })
  const { stderr } = await az.succeed(
    `eval "$("$keystead" env --data-dir "$data")"
     AZURE_CONFIG_DIR="$fresh" az version --output none
     AZURE_CONFIG_DIR="$fresh" az group list --output none`,
    { ...variables, fresh },
  )
  expect(stderr).toBe('')
  expect(company.targets).toEqual([])
})

test('where *.keystead.localhost resolves: `az cloud register` and `az cloud set`, without the proxy', async () => {
  const { stdout } = await az.succeed(
    `eval "$("$keystead" env --no-proxy --data-dir "$data")"
     az cloud register --name Keystead --endpoint-resource-manager "https://management.keystead.localhost:$port"
     az cloud set --name Keystead --only-show-errors
     az cloud show --query endpoints --output json
     az login --service-principal --username "$id" --password "$secret" --tenant "$tenant" --output none
     az group create --name rg-direct --location westeurope --output none
     az keyvault create --name kv-direct --resource-group rg-direct --output none
     az role assignment create --role 'Key Vault Secrets Officer' --assignee "$id" --output none \\
       --scope "$(az keyvault show --name kv-direct --query id --output tsv)"
     az keyvault secret set --vault-name kv-direct --name greeting --value hello --query value --output tsv`,
    { ...variables, port: new URL(cloud.environment.HTTPS_PROXY ?? '').port },
  )
  const at = stdout.lastIndexOf('}') + 1
  const endpoints = JSON.parse(stdout.slice(0, at)) as Record<string, string | null>
  for (const name of ['activeDirectory', 'resourceManager', 'microsoftGraphResourceId']) {
    expect(endpoints[name]).toMatch(/^https:\/\/[a-z]+\.keystead\.localhost:\d+\/?$/)
  }
  expect(stdout.slice(at).trim()).toBe('hello')
  // Without the gateway in between, az looks for a newer version of itself where it always does.
  expect(company.targets.filter((target) => target !== 'azcliprod.blob.core.windows.net:443')).toEqual([])
})

test('`keystead doctor` says whether those names resolve', async () => {
  const { stdout } = await az.run(
    `eval "$("$keystead" env --data-dir "$data")"; "$keystead" doctor --data-dir "$data"`,
    variables,
  )
  expect(stdout).toMatch(/names: login\.keystead\.localhost is (127\.0\.0\.1|::1): clients can do without the proxy/)
})

test('a cloud’s names are told to everybody, in the form that was asked for', async () => {
  const gateway = await Gateway.of(cloud.environment)
  const ask = async (query: string) => {
    const { status, json } = await gateway.send({
      host: 'management.azure.com',
      path: `/metadata/endpoints${query}`,
    })
    return { status, body: json }
  }
  expect(await ask('?api-version=2022-09-01')).toMatchObject({
    status: 200,
    body: {
      name: 'AzureCloud',
      resourceManager: 'https://management.azure.com/',
      authentication: { loginEndpoint: 'https://login.microsoftonline.com' },
      suffixes: { keyVaultDns: 'vault.azure.net' },
    },
  })
  expect(await ask('?api-version=2019-05-01')).toMatchObject({ status: 200, body: [{ name: 'AzureCloud' }] })
  expect(await ask('')).toMatchObject({ status: 400, body: { error: { code: 'MissingApiVersionParameter' } } })
  expect(await ask('?api-version=1999-01-01')).toMatchObject({
    status: 400,
    body: { error: { code: 'InvalidApiVersionParameter' } },
  })
})
