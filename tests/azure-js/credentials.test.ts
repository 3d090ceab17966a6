import { createPublicKey, type JsonWebKey } from 'node:crypto'
import { request } from 'node:https'
import { json } from 'node:stream/consumers'
import { fileURLToPath } from 'node:url'
import { ResourceManagementClient } from '@azure/arm-resources'
import { ClientCertificateCredential, ClientSecretCredential, type TokenCredential } from '@azure/identity'
import { SecretClient } from '@azure/keyvault-secrets'
import { BlobServiceClient } from '@azure/storage-blob'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { addApplications, makeCertificate, type TestApplication, tokensOfOtherTimes } from '../support/applications.ts'
import { keysteadCommand, root, run, succeed, TestCloud } from '../support/cloud.ts'
import { signedWithPublicKey, tokenOfAnotherCloud, unsigned, withObjectId } from '../support/forged-tokens.ts'
import { type Identity, Provisioner, required } from '../support/provisioner.ts'
import { RecordingProxy } from '../support/recording-proxy.ts'

const node = `${root}node_modules/node/bin/node`
const app = (name: string): string => fileURLToPath(new URL(`apps/${name}`, import.meta.url))
const vaultUrl = 'https://kv-people.vault.azure.net'
const vaultScope = 'https://vault.azure.net/.default'

let upstream: RecordingProxy
let cloud: TestCloud
let owner: Provisioner
let worker: TestApplication
let stranger: TestApplication
let tenantId: string
let ofOtherTimes: { readonly expired: string; readonly notYetValid: string }

beforeAll(async () => {
  upstream = await RecordingProxy.start()
  cloud = await TestCloud.start({ HTTPS_PROXY: upstream.url, NO_PROXY: '' })
  ;({ worker, stranger } = await addApplications(cloud, ['worker', 'stranger']))
  ofOtherTimes = await tokensOfOtherTimes(cloud, worker, 'https://vault.azure.net')
  await cloud.connect()
  tenantId = cloud.environment.AZURE_TENANT_ID
  owner = await Provisioner.asOwner(cloud.environment)
  const vault = await owner.vault('kv-people')
  await owner.grant(vault, 'Key Vault Secrets Officer', worker.objectId)
  await secrets(new ClientSecretCredential(tenantId, worker.clientId, worker.clientSecret)).setSecret(
    'greeting',
    'hello',
  )
})
afterAll(async () => {
  await cloud?.[Symbol.asyncDispose]()
  await upstream?.[Symbol.asyncDispose]()
})

const secrets = (credential: TokenCredential, url = vaultUrl): SecretClient =>
  new SecretClient(url, credential, { retryOptions: { maxRetries: 0 } })
const greeting = async (credential: TokenCredential): Promise<string | undefined> =>
  (await secrets(credential).getSecret('greeting')).value

const refusedByRole = ({ clientId, objectId }: TestApplication) => ({
  statusCode: 403,
  code: 'Forbidden',
  message: expect.stringContaining(
    `Caller: appid=${clientId};oid=${objectId};iss=https://sts.windows.net/${tenantId}/`,
  ),
})

describe('ClientSecretCredential', () => {
  test('of an application with a role reads a secret', async () => {
    expect(await greeting(new ClientSecretCredential(tenantId, worker.clientId, worker.clientSecret))).toBe('hello')
  })

  test('of an application without a role is refused by the vault', async () => {
    const credential = new ClientSecretCredential(tenantId, stranger.clientId, stranger.clientSecret)
    await expect(greeting(credential)).rejects.toMatchObject(refusedByRole(stranger))
  })

  test.each([
    ['a wrong secret', () => [tenantId, worker.clientId, 'wrong'], 'AADSTS7000215'],
    ["another application's secret", () => [tenantId, worker.clientId, stranger.clientSecret], 'AADSTS7000215'],
    ['an unknown client', () => [tenantId, crypto.randomUUID(), worker.clientSecret], 'AADSTS700016'],
    [
      'an unknown tenant',
      () => [crypto.randomUUID(), worker.clientId, worker.clientSecret],
      'AADSTS90002|endpoints_resolution_error|openid_config_error',
    ],
  ] as const)('with %s gets no token', async (_, parts, code) => {
    const [tenant, client, secret] = parts() as [string, string, string]
    const credential = new ClientSecretCredential(tenant, client, secret)
    await expect(credential.getToken(vaultScope)).rejects.toThrow(new RegExp(code))
  })
})

describe('ClientCertificateCredential', () => {
  test('of an application with a role reads a secret', async () => {
    expect(await greeting(new ClientCertificateCredential(tenantId, worker.clientId, worker.certificatePath))).toBe(
      'hello',
    )
  })

  test('of an application without a role is refused by the vault', async () => {
    const credential = new ClientCertificateCredential(tenantId, stranger.clientId, stranger.certificatePath)
    await expect(greeting(credential)).rejects.toMatchObject(refusedByRole(stranger))
  })

  test('with a certificate that is not registered for the application gets no token', async () => {
    const { certificatePem, privateKeyPem } = await makeCertificate('worker')
    for (const certificate of [{ certificate: `${privateKeyPem}\n${certificatePem}` }, stranger.certificatePath]) {
      const credential = new ClientCertificateCredential(tenantId, worker.clientId, certificate as string)
      await expect(credential.getToken(vaultScope)).rejects.toThrow(/AADSTS700027/)
    }
  })
})

describe('DefaultAzureCredential', () => {
  const readGreeting = async (environment: NodeJS.ProcessEnv) => {
    const { stdout } = await succeed(
      run(node, [app('default-credential.js'), 'kv-people', 'greeting'], {
        env: { PATH: process.env.PATH, HOME: cloud.dataDirectory, ...environment },
      }),
    )
    return JSON.parse(stdout) as Record<string, unknown>
  }
  const as = ({ clientId }: TestApplication) => ({ ...cloud.environment, AZURE_CLIENT_ID: clientId })

  test('takes the secret of its environment', async () => {
    expect(await readGreeting({ ...as(worker), AZURE_CLIENT_SECRET: worker.clientSecret })).toEqual({ value: 'hello' })
    expect(await readGreeting({ ...as(stranger), AZURE_CLIENT_SECRET: stranger.clientSecret })).toMatchObject({
      status: 403,
      code: 'Forbidden',
    })
  })

  test('takes the certificate of its environment', async () => {
    const { AZURE_CLIENT_SECRET: _, ...environment } = as(worker)
    const certificate = { AZURE_CLIENT_CERTIFICATE_PATH: worker.certificatePath }
    expect(await readGreeting({ ...environment, ...certificate })).toEqual({ value: 'hello' })
  })

  test('without anything to go by is told so, and no identity is handed out by instance metadata', async () => {
    const { AZURE_CLIENT_ID: _, AZURE_CLIENT_SECRET: __, ...environment } = cloud.environment
    expect(await readGreeting(environment)).toMatchObject({
      name: expect.stringMatching(/AggregateAuthenticationError|CredentialUnavailableError/),
    })
  })

  test('under `keystead exec` is the owner, who manages the vault and reads nothing in it', async () => {
    const { stdout } = await succeed(
      cloud.keystead('exec', '--', node, app('default-credential.js'), 'kv-people', 'greeting'),
    )
    expect(JSON.parse(stdout)).toMatchObject({
      status: 403,
      code: 'Forbidden',
      message: expect.stringContaining(`Caller: appid=${cloud.environment.AZURE_CLIENT_ID};`),
    })
  })
})

describe('ManagedIdentityCredential under `keystead run`', () => {
  let identities: { allowed: Identity; refused: Identity; stranger: Identity }
  let revoke: () => Promise<void>

  beforeAll(async () => {
    const [allowed, refused, stranger] = await Promise.all(
      ['id-allowed', 'id-refused', 'id-stranger'].map((name) => owner.identity(name)),
    )
    identities = { allowed: required(allowed), refused: required(refused), stranger: required(stranger) }
    revoke = await owner.grant(owner.vaultId('kv-people'), 'Key Vault Secrets User', identities.allowed.principalId)
    // Without a role at the other identity the refusal would not be the identity's own.
    await owner.grant(owner.vaultId('kv-people'), 'Key Vault Secrets User', identities.stranger.principalId)
    const { id } = await owner.account('stpeople')
    await owner.grant(id, 'Storage Blob Data Contributor', worker.objectId)
    await owner.grant(id, 'Storage Blob Data Reader', identities.allowed.principalId)
    const service = new BlobServiceClient(
      'https://stpeople.blob.core.windows.net',
      new ClientSecretCredential(tenantId, worker.clientId, worker.clientSecret),
    )
    const { containerClient } = await service.createContainer('inbox')
    await containerClient.uploadBlockBlob('note', 'from the blob', 13)
  })

  const ask = async () => {
    const { allowed, refused } = identities
    const words = ['--app-id', 'asker', '--identity', allowed.id, '--identity', refused.id, '--', node]
    const input = JSON.stringify({ vault: 'kv-people', account: 'stpeople', ...identities })
    const finished = await run(
      keysteadCommand,
      ['run', '--data-dir', cloud.dataDirectory, ...words, app('managed-identity.js'), input],
      // What the person is signed in as must not become the app's.
      { env: { ...process.env, ...cloud.environment } },
    )
    expect(finished.code, finished.stderr).toBe(0)
    return JSON.parse(finished.stdout) as Record<string, unknown>
  }

  test('is allowed what its role allows and refused the rest, whichever way the identity is named', async () => {
    const hello = { value: 'hello' }
    const { refused } = identities
    expect(await ask()).toEqual({
      byClientId: hello,
      byResourceId: hello,
      byObjectId: hello,
      byDefault: hello,
      withoutRole: {
        name: 'RestError',
        status: 403,
        code: 'Forbidden',
        message: expect.stringContaining(`Caller: appid=${refused.clientId};oid=${refused.principalId};`),
      },
      notAssigned: expect.objectContaining({
        name: 'CredentialUnavailableError',
        message: expect.stringContaining('No User Assigned or Delegated Managed Identity found'),
      }),
      blobAllowed: { value: 'from the blob' },
      blobRefused: expect.objectContaining({ status: 403, code: 'AuthorizationPermissionMismatch' }),
      wrongHeader: expect.objectContaining({ message: expect.stringContaining('Authentication failed') }),
      credentialVariables: [],
    })
  })

  test('is refused as soon as its role is gone, and allowed once it is back', async () => {
    await revoke()
    expect(await ask()).toMatchObject({ byClientId: { status: 403 }, byDefault: { status: 403 } })
    await owner.grant(owner.vaultId('kv-people'), 'Key Vault Secrets User', identities.allowed.principalId)
    expect(await ask()).toMatchObject({ byClientId: { value: 'hello' } })
  })

  test('needs an identity that exists', async () => {
    const { code, stderr } = await cloud.keystead(
      'run',
      ...['--app-id', 'asker', '--identity', `${identities.allowed.id}-unknown`, '--', 'true'],
    )
    expect(code).not.toBe(0)
    expect(stderr).toContain('ResourceNotFound')
  })
})

describe('a token that is not good', () => {
  /** A credential that hands out this token and nothing else. */
  const fixed = (token: string): TokenCredential => ({
    getToken: async () => ({ token, expiresOnTimestamp: Date.now() + 3_600_000 }),
  })
  const good = async (scope: string): Promise<string> =>
    required(await new ClientSecretCredential(tenantId, worker.clientId, worker.clientSecret).getToken(scope)).token

  const signingKey = async (): Promise<string> => {
    const { keys } = await new Promise<{ keys: JsonWebKey[] }>((resolve, reject) => {
      request(
        {
          host: '127.0.0.1',
          port: new URL(cloud.environment.HTTPS_PROXY ?? '').port,
          servername: 'login.keystead.localhost',
          headers: { host: 'login.keystead.localhost' },
          path: `/${tenantId}/discovery/v2.0/keys`,
        },
        (response) => json(response).then((body) => resolve(body as { keys: JsonWebKey[] }), reject),
      )
        .on('error', reject)
        .end()
    })
    return createPublicKey({ key: required(keys[0]), format: 'jwk' }).export({ type: 'spki', format: 'pem' }) as string
  }

  const bad: readonly (readonly [string, (scope: string) => Promise<string>])[] = [
    ['whose claims were changed', async (scope) => withObjectId(await good(scope), stranger.objectId)],
    ['that is not signed', async (scope) => unsigned(await good(scope))],
    ['signed with the public key', async (scope) => signedWithPublicKey(await good(scope), await signingKey())],
    ['for another service', () => good('https://graph.microsoft.com/.default')],
    [
      'of a tenant with another id',
      (scope) => tokenOfAnotherCloud(crypto.randomUUID(), scope.replace('/.default', '')),
    ],
    [
      'of a tenant with the same id elsewhere',
      (scope) => tokenOfAnotherCloud(tenantId, scope.replace('/.default', '')),
    ],
    ['that is no token', async () => 'nonsense'],
  ]

  const early = ['that is not valid yet', async () => ofOtherTimes.notYetValid] as const
  const late = ['that has expired', async () => ofOtherTimes.expired] as const
  test.each([...bad, early, late])('%s is answered by Key Vault with 401 and the challenge', async (_, make) => {
    const error = await greeting(fixed(await make(vaultScope))).catch((error) => error)
    expect(error).toMatchObject({ statusCode: 401, code: 'Unauthorized' })
    expect(error.response.headers.get('www-authenticate')).toBe(
      `Bearer authorization="https://login.microsoftonline.com/${tenantId}", resource="https://vault.azure.net"`,
    )
  })

  test.each(bad)('%s is answered by Resource Manager with 401', async (_, make) => {
    const client = new ResourceManagementClient(
      fixed(await make('https://management.azure.com/.default')),
      owner.subscriptionId,
    )
    await expect(client.resourceGroups.get('rg')).rejects.toMatchObject({ statusCode: 401 })
  })

  test.each(bad)('%s is answered by Blob Storage with 401', async (_, make) => {
    const client = new BlobServiceClient(
      'https://stpeople.blob.core.windows.net',
      fixed(await make('https://storage.azure.com/.default')),
    )
    await expect(client.getContainerClient('inbox').getProperties()).rejects.toMatchObject({ statusCode: 401 })
  })
})

describe('a name that nobody created', () => {
  test('is refused by the gateway and never sent on', async () => {
    const credential = new ClientSecretCredential(tenantId, worker.clientId, worker.clientSecret)
    await expect(secrets(credential, 'https://kv-nobody.vault.azure.net').getSecret('greeting')).rejects.toThrow()
    for (const kind of ['blob', 'queue', 'table', 'file', 'dfs']) {
      const service = new BlobServiceClient(`https://stnobody.${kind}.core.windows.net`, credential, {
        retryOptions: { maxTries: 1 },
      })
      await expect(service.getProperties()).rejects.toThrow()
    }
    expect(upstream.targets.filter((target) => /azure|windows|microsoft/.test(target))).toEqual([])
  })

  test('is no matter of the gateway when it is not a name of Azure', async () => {
    const service = new BlobServiceClient(
      'https://storage.example.com',
      new ClientSecretCredential(tenantId, worker.clientId, worker.clientSecret),
      { retryOptions: { maxTries: 1 } },
    )
    await expect(service.getProperties()).rejects.toThrow()
    expect(upstream.targets).toContain('storage.example.com:443')
  })
})
