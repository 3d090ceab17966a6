import { createPrivateKey, randomBytes } from 'node:crypto'
import { chmod, mkdir, mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { ClientSecretCredential } from '@azure/identity'
import { SecretClient } from '@azure/keyvault-secrets'
import { BlobSASPermissions, BlobServiceClient, StorageSharedKeyCredential } from '@azure/storage-blob'
import { loadMasterKey, openWithMasterKey } from '@keystead/store'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { keysteadCommand, root, run, succeed, TestCloud } from '../support/cloud.ts'
import { signedWithPublicKey, unsigned, withObjectId } from '../support/forged-tokens.ts'
import { Gateway, type RawAnswer } from '../support/gateway.ts'
import { pidOf, restarted, statusOf } from '../support/processes.ts'
import { type Identity, Provisioner, required } from '../support/provisioner.ts'
import { ownObjectId } from '../support/secret-peer.ts'
import { openCloudStore } from '../support/store.ts'
import { ProcessArguments } from './process-arguments.ts'
import { type Finding, filesUnder, keySecret, type Place, type Secret, search, secret } from './search.ts'

/**
 * Where a secret may be, and why. Each has to be found, or it is no exception any more.
 *
 * Not searched, since they are what was asked for: the answers that carry a secret to whoever may have it, the
 * output of `keystead env`, what the app prints for the test, and the components that the test itself wrote.
 */
const exceptions: readonly { readonly secret: RegExp; readonly place: RegExp; readonly reason: string }[] = [
  {
    secret: /^written by the app$/,
    place: /\/storage\/__blobstorage__\//,
    reason: 'The app wrote it into a blob, and Azurite keeps blobs as they are.',
  },
  {
    secret: /^master key/,
    place: /\/master\.key$/,
    reason: 'Without KEYSTEAD_MASTER_KEY it is kept beside the database, in a file that its owner alone can read.',
  },
]

const node = join(root, 'node_modules/node/bin/node')
const app = fileURLToPath(new URL('app.js', import.meta.url))
const account = 'stsecrecy'
const vault = 'kv-secrecy'
const vaultUrl = `https://${vault}.vault.azure.net`

/** With characters that every encoding changes. */
const awkward = (): string => `pa"ss\\/+=&%<é>'${randomBytes(18).toString('base64')}\n`

let folder: string
let cloud: TestCloud
let gateway: Gateway
let owner: Provisioner
let identity: Identity
const secrets: Secret[] = []
/** Errors, and what commands printed. */
const told: Place[] = []
const processArguments = new ProcessArguments()
/** By the moment of the search. */
const findings = new Map<string, readonly Finding[]>()
let auditEvents = 0

const tell = (name: string, content: string): void => {
  told.push({ name, content: Buffer.from(content) })
}
const keep = (name: string, value: string): string => {
  secrets.push(secret(name, value))
  return value
}
/** What of a token makes it worth something; its claims are in logs as they are in Azure's. */
const keepToken = (name: string, token: string): string => {
  keep(`signature of ${name}`, required(token.split('.')[2]))
  return token
}

async function refused(name: string, request: Promise<RawAnswer>): Promise<void> {
  const { status, headers, text } = await request
  expect(status, `${name}: ${text}`).toBeGreaterThanOrEqual(400)
  tell(`answer to ${name}`, JSON.stringify(headers) + text)
}

/** The app beside its sidecar, which logs all it can. */
async function runApp(names: readonly string[]) {
  const finished = await run(
    keysteadCommand,
    [
      ...['run', '--data-dir', cloud.dataDirectory, '--app-id', 'orders', '--log-level', 'debug'],
      ...['--identity', identity.id, '--resources-path', join(inputs, 'components')],
      ...['--', node, app, identity.clientId, vault, ...names],
    ],
    { env: { ...process.env, ORDERS_IDENTITY_CLIENT_ID: identity.clientId } },
  )
  tell('log of the sidecar', finished.stderr)
  return finished
}

let inputs: string
let restoreEnvironment = (): void => {}

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'keystead-secrecy-'))
  inputs = await mkdtemp(join(tmpdir(), 'keystead-secrecy-inputs-'))
  // What any process writes into a temporary or a home folder is looked through, too.
  const { TMPDIR, HOME } = process.env
  restoreEnvironment = () => {
    for (const [name, value] of Object.entries({ TMPDIR, HOME })) {
      if (value === undefined) delete process.env[name]
      else process.env[name] = value
    }
  }
  for (const [name, path] of [
    ['TMPDIR', 'tmp'],
    ['HOME', 'home'],
  ] as const) {
    process.env[name] = join(folder, path)
    await mkdir(join(folder, path))
  }
  processArguments.watch()
  cloud = await TestCloud.start()
  await cloud.connect()
  gateway = await Gateway.of(cloud.environment)
  owner = await Provisioner.asOwner(cloud.environment)

  const storage = await useStorage()
  const { application, values } = await useVault(storage)
  await useTokens(application)
  await useApp(values)

  let status = await statusOf(cloud.dataDirectory)
  process.kill(pidOf(status, 'core'), 'SIGKILL')
  await restarted(cloud.dataDirectory, 'core', pidOf(status, 'core'))
  await succeed(runApp(['written-by-app']))
  findings.set('while it runs', await searchAll())

  status = await statusOf(cloud.dataDirectory)
  for (const name of ['supervisor', 'core']) process.kill(pidOf(status, name), 'SIGKILL')
  findings.set('after kill -9', await searchAll())

  await succeed(cloud.keystead('up', '--detach'))
  for (const name of ['logs', 'status', 'doctor']) {
    const { stdout, stderr } = await cloud.keystead(name)
    tell(`keystead ${name}`, stdout + stderr)
  }
  await succeed(cloud.keystead('down'))
  await keepPrivateKeys()
  processArguments.stop()
  findings.set('after `down`', await searchAll())
  auditEvents = (await readFile(join(cloud.dataDirectory, 'logs/audit.jsonl'), 'utf8')).split('\n').length
})

afterAll(async () => {
  processArguments.stop()
  await cloud?.[Symbol.asyncDispose]()
  restoreEnvironment()
  for (const path of [folder, inputs]) await rm(path, { recursive: true, force: true })
})

const searchAll = async (): Promise<readonly Finding[]> =>
  search([...(await filesUnder(folder)), ...told, ...processArguments.places()], secrets)

/** An account whose keys are used, refused, and changed. */
async function useStorage(): Promise<{ readonly key: string }> {
  const { keys } = await owner.account(account)
  for (const [index, key] of keys.entries()) secrets.push(...keySecret(`account key ${index + 1}`, key))
  const { keys: regenerated } = await owner.storage.storageAccounts.regenerateKey('rg', account, { keyName: 'key2' })
  secrets.push(...keySecret('regenerated account key', required(required(regenerated?.[1]).value)))
  const key = required(keys[0])
  await owner.putBlob(account, key, 'orders', 'greeting', 'hello')

  const host = `${account}.blob.core.windows.net`
  const client = new BlobServiceClient(`https://${host}`, new StorageSharedKeyCredential(account, key))
  const url = await client
    .getContainerClient('orders')
    .getBlobClient('greeting')
    .generateSasUrl({
      permissions: BlobSASPermissions.parse('r'),
      expiresOn: new Date(Date.now() + 60_000),
    })
  const signature = keep('signature of a SAS', required(new URL(url).searchParams.get('sig')))
  const { pathname, search: query } = new URL(url)
  expect((await gateway.send({ host, path: pathname + query })).text).toBe('hello')
  await refused('a SAS for another blob', gateway.send({ host, path: `/orders/other${query}` }))

  const wrongKey = keep('a wrong account key', randomBytes(64).toString('base64'))
  const wrong = new BlobServiceClient(`https://${host}`, new StorageSharedKeyCredential(account, wrongKey))
  const error = await wrong.getProperties().then(
    () => undefined,
    (error: { details: unknown }) => error.details,
  )
  tell('answer to a wrong account key', JSON.stringify(required(error)))
  await refused(
    'a signature of nothing',
    gateway.send({
      host,
      path: '/orders/greeting',
      headers: { authorization: `SharedKey ${account}:${signature}`, 'x-ms-date': new Date().toUTCString() },
    }),
  )
  return { key }
}

/** Secrets that are set, replaced, backed up, deleted and purged, and requests that are refused for what is in them. */
async function useVault({ key }: { readonly key: string }) {
  const vaultId = await owner.vault(vault)
  const secretsOfficer = await owner.grant(vaultId, 'Key Vault Administrator', await ownObjectId(owner))
  const client = new SecretClient(vaultUrl, owner.credential)
  const values = {
    'storage-account-name': account,
    'storage-account-key': key,
    'storage-account-container': 'orders',
    'api-password': keep('secret', awkward()),
    'written-by-app': keep('written by the app', awkward()),
  }
  await client.setSecret('api-password', keep('earlier version of a secret', awkward()))
  for (const [name, value] of Object.entries(values)) await client.setSecret(name, value)
  await client.setSecret('purged', keep('purged secret', awkward()))
  tell('backup', Buffer.from(required(await client.backupSecret('api-password'))).toString('latin1'))
  await (await client.beginDeleteSecret('purged')).pollUntilDone()
  await client.purgeDeletedSecret('purged')

  const token = keepToken("the owner's token", await gateway.ownerToken('https://vault.azure.net'))
  const put = (path: string, body: string, version = '7.5') =>
    gateway.send({
      host: `${vault}.vault.azure.net`,
      method: 'PUT',
      path: `${path}?api-version=${version}`,
      headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
      body,
    })
  const value = keep('value that was refused', awkward())
  await refused('malformed JSON', put('/secrets/x', JSON.stringify({ value }).slice(0, -1)))
  await refused('a value of a wrong type', put('/secrets/x', JSON.stringify({ value: [value] })))
  await refused('attributes of a wrong type', put('/secrets/x', JSON.stringify({ value, attributes: value })))
  await refused('a value that is too long', put('/secrets/x', JSON.stringify({ value: value.repeat(800) })))
  await refused('a wrong name', put('/secrets/x_y', JSON.stringify({ value })))
  await refused('a wrong api-version', put('/secrets/x', JSON.stringify({ value }), '1.0'))

  const made = await gateway.graph('POST', 'applications', { displayName: 'keeper' })
  await gateway.graph('POST', 'servicePrincipals', { appId: made.appId })
  const { secretText } = await gateway.graph('POST', `applications/${made.id}/addPassword`, { passwordCredential: {} })
  await gateway.graph('POST', 'users', {
    displayName: 'Ada',
    accountEnabled: true,
    mailNickname: 'ada',
    userPrincipalName: 'ada@example.com',
    passwordProfile: {
      password: keep("a user's password", `Aa1!${awkward().trim()}`),
      forceChangePasswordNextSignIn: false,
    },
  })
  await secretsOfficer()
  return {
    application: {
      clientId: required(made.appId),
      clientSecret: keep("an application's secret", required(secretText)),
    },
    values,
  }
}

/** Signs in well and badly, and shows tokens that no service may take. */
async function useTokens(application: { readonly clientId: string; readonly clientSecret: string }): Promise<void> {
  const { AZURE_CLIENT_ID, AZURE_CLIENT_SECRET, AZURE_TENANT_ID } = cloud.environment
  keep("the owner's secret", AZURE_CLIENT_SECRET)
  const credential = new ClientSecretCredential(AZURE_TENANT_ID, application.clientId, application.clientSecret)
  const { token } = required(await credential.getToken('https://vault.azure.net/.default'))
  keepToken("an application's token", token)
  const signIn = (form: Record<string, string>) =>
    gateway.send({
      host: 'login.microsoftonline.com',
      method: 'POST',
      path: `/${AZURE_TENANT_ID}/oauth2/v2.0/token`,
      headers: { 'content-type': 'application/x-www-form-urlencoded' },
      body: new URLSearchParams({ scope: 'https://vault.azure.net/.default', ...form }).toString(),
    })
  const client_id = AZURE_CLIENT_ID
  const client_secret = keep('a wrong client secret', awkward())
  await refused('a wrong client secret', signIn({ grant_type: 'client_credentials', client_id, client_secret }))
  await refused('an unknown grant', signIn({ grant_type: client_secret, client_id, client_secret }))
  await refused(
    'a wrong assertion',
    signIn({
      grant_type: 'client_credentials',
      client_id,
      client_assertion_type: 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer',
      client_assertion: keepToken('a wrong assertion', `${token}${randomBytes(24).toString('base64url')}`),
    }),
  )
  await refused(
    'a wrong password',
    signIn({ grant_type: 'password', client_id, username: 'ada', password: keep('a wrong password', awkward()) }),
  )
  const forged = [
    token,
    withObjectId(token, randomBytes(16).toString('hex')),
    unsigned(token),
    keepToken('a token signed by a public key', signedWithPublicKey(token, 'public')),
    keep('a token that is none', randomBytes(40).toString('base64url')),
  ]
  for (const [index, wrong] of forged.entries()) {
    for (const host of [`${vault}.vault.azure.net`, 'management.azure.com', `${account}.blob.core.windows.net`]) {
      const path = host.includes('vault')
        ? '/secrets/api-password?api-version=7.5'
        : '/?comp=list&api-version=2021-04-01'
      const headers = { authorization: `Bearer ${wrong}`, 'x-ms-version': '2021-12-02' }
      await refused(`token ${index} at ${host}`, gateway.send({ host, path, headers }))
    }
  }
}

/** The chain as an app uses it: allowed, refused, and with a component whose key was written into its file wrongly. */
async function useApp(values: Readonly<Record<string, string>>): Promise<void> {
  identity = await owner.identity('id-orders')
  await mkdir(join(inputs, 'components'))
  for (const name of ['secretstore.yaml', 'statestore.yaml']) {
    const text = await readFile(join(root, 'examples/orders/components', name), 'utf8')
    await writeFile(join(inputs, 'components', name), text.replace('kv-orders', vault))
  }
  const inline = keep('a key in a component file', awkward().trim())
  await writeFile(
    join(inputs, 'components/inline.yaml'),
    `apiVersion: dapr.io/v1alpha1
kind: Component
metadata:
  name: inline
spec:
  type: state.azure.blobstorage
  version: v1
  ignoreErrors: true
  metadata:
    - name: accountName
      value: ${account}
    - name: containerName
      value: orders
    - name: accountKey
      value: ${JSON.stringify(inline)}
`,
  )
  const names = ['api-password', 'written-by-app']
  const without = await runApp(names)
  expect(without.code).toBe(1)
  expect(without.stderr).toContain('RESPONSE 403: 403 Forbidden')

  const revoke = await owner.grant(owner.vaultId(vault), 'Key Vault Secrets User', identity.principalId)
  const { stdout } = await succeed(runApp(names))
  const answer = JSON.parse(stdout.trim().split('\n').at(-1) ?? '') as {
    readonly values: Readonly<Record<string, string>>
    readonly token: string
    readonly header: string
    readonly wrongHeader: string
    readonly refusals: readonly { readonly status: number; readonly text: string }[]
    readonly saved: { readonly status: number; readonly text: string }
  }
  expect(answer.values).toEqual(Object.fromEntries(names.map((name) => [name, values[name]])))
  expect(answer.saved).toEqual({ status: 204, text: '' })
  for (const { status, text } of answer.refusals) expect(status, text).toBeGreaterThanOrEqual(400)
  tell('answers to the app', JSON.stringify(answer.refusals))
  keepToken("the managed identity's token", answer.token)
  keep("the replica's header", answer.header)
  keep('a wrong header', answer.wrongHeader)
  await revoke()
  await owner.grant(owner.vaultId(vault), 'Key Vault Secrets User', identity.principalId)
}

/** The keys that the cloud made for itself, opened with its master key as it opens them. */
async function keepPrivateKeys(): Promise<void> {
  const file = join(cloud.dataDirectory, 'master.key')
  secrets.push(...keySecret('master key', (await readFile(file, 'utf8')).trim()))
  expect((await stat(file)).mode & 0o077).toBe(0)
  const masterKey = await loadMasterKey({ file, environment: {}, create: false })
  const authority = await readFile(join(cloud.dataDirectory, 'ca/ca.sealed'))
  const { key } = JSON.parse(Buffer.from(openWithMasterKey(masterKey, authority, 'ca-private-key')).toString()) as {
    key: string
  }
  const { d } = createPrivateKey({ key: Buffer.from(key, 'base64'), format: 'der', type: 'pkcs8' }).export({
    format: 'jwk',
  })
  secrets.push(secret("the authority's private key", Buffer.from(required(d), 'base64url')))
  const store = await openCloudStore(cloud.dataDirectory)
  const rows = await store
    .database<{ identity_signing_keys: { kid: string; sealed_private_jwk: Uint8Array } }>()
    .selectFrom('identity_signing_keys')
    .selectAll()
    .execute()
  for (const { kid, sealed_private_jwk } of rows) {
    const jwk = store.keyring.open('identity:signing-keys', sealed_private_jwk, kid)
    const { d } = JSON.parse(Buffer.from(jwk).toString()) as { d: string }
    secrets.push(secret('a signing key', Buffer.from(d, 'base64url')))
  }
  await store.close()
  expect(rows.length).toBeGreaterThan(0)
}

const excepted = ({ secret, place }: Finding): boolean =>
  exceptions.some((exception) => exception.secret.test(secret) && exception.place.test(place))

test.each(['while it runs', 'after kill -9', 'after `down`'])('no secret is where it must not be %s', (moment) => {
  expect(required(findings.get(moment)).filter((finding) => !excepted(finding))).toEqual([])
})

test.each(exceptions)('an exception: $reason', ({ secret, place }) => {
  const all = [...findings.values()].flat()
  expect(all.filter((finding) => secret.test(finding.secret) && place.test(finding.place))).not.toEqual([])
})

test('the search had all of it: files, logs, errors, audit events, arguments', async () => {
  const files = (await filesUnder(join(cloud.dataDirectory))).map(({ name }) => name)
  for (const name of ['keystead.db', 'logs/core.log', 'logs/azurite.log', 'logs/audit.jsonl', 'owner.sealed']) {
    expect(files).toContain(name)
  }
  expect(files.filter((name) => name.startsWith('storage/__blobstorage__/'))).not.toEqual([])
  expect(auditEvents).toBeGreaterThan(20)
  expect(secrets.length).toBeGreaterThan(25)
  const commands = processArguments.places().map(({ content }) => content.toString())
  for (const part of ['packages/cli/dist/core/main.js', 'launcher.js', 'keystead-sidecar', 'secrecy/app.js']) {
    expect(
      commands.some((command) => command.includes(part)),
      part,
    ).toBe(true)
  }
})

test('a value planted in each of those places would be found', async () => {
  const planted = secret('planted', awkward())
  const text = planted.bytes.toString()
  await writeFile(join(cloud.dataDirectory, 'logs/core.log'), JSON.stringify({ text }), { flag: 'a' })
  await writeFile(join(folder, 'tmp/left-over'), planted.bytes)
  await chmod(join(folder, 'tmp/left-over'), 0o600)
  const watched = new ProcessArguments()
  watched.watch()
  await succeed(run(node, ['-e', 'setTimeout(() => {}, 500)', '--', encodeURIComponent(text)]))
  watched.stop()
  const found = search([...(await filesUnder(folder)), ...watched.places()], [planted])
  expect(found.map(({ encoding }) => encoding)).toEqual(expect.arrayContaining(['JSON', 'raw', 'URL']))
  expect(found.filter(({ place }) => place.startsWith('argument'))).not.toEqual([])
})
