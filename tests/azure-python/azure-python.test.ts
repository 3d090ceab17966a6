import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest'
import { addApplications, type TestApplication } from '../support/applications.ts'
import { keysteadCommand, run, succeed, TestCloud } from '../support/cloud.ts'
import { type Identity, Provisioner, required } from '../support/provisioner.ts'
import { python } from '../support/python.ts'

const program = (name: string): string => fileURLToPath(new URL(name, import.meta.url))
const vaultUrl = 'https://kv-snake.vault.azure.net/'

let interpreter: string
let cloud: TestCloud
let owner: Provisioner
/** May do everything with secrets. */
let keeper: TestApplication
/** What it may do changes from test to test. */
let reader: TestApplication

beforeAll(async () => {
  interpreter = python()
  cloud = await TestCloud.start()
  ;({ keeper, reader } = await addApplications(cloud, ['keeper', 'reader']))
  await cloud.connect()
  owner = await Provisioner.asOwner(cloud.environment)
  for (const name of ['kv-snake', 'kv-operations', 'kv-restored']) {
    await owner.grant(await owner.vault(name), 'Key Vault Secrets Officer', keeper.objectId)
  }
  await owner.vault('kv-policies', [{ objectId: keeper.objectId, secrets: ['all'] }])
  for (const vault of ['kv-snake', 'kv-policies']) {
    await owner.setSecrets(vault, keeper, {
      greeting: 'hello',
      other: 'other value',
      'api-base-url': 'https://example.internal',
    })
  }
})
afterAll(() => cloud?.[Symbol.asyncDispose]())

type Outcome = Readonly<Record<string, unknown>>

/** Runs a program signed in as an application, with the variables of `keystead env`. */
async function as(
  who: Pick<TestApplication, 'clientId' | 'clientSecret'>,
  name: string,
  args: readonly string[] = [],
  input?: string,
): Promise<Outcome> {
  const env = {
    PATH: process.env.PATH,
    HOME: cloud.dataDirectory,
    ...cloud.environment,
    AZURE_CLIENT_ID: who.clientId,
    AZURE_CLIENT_SECRET: who.clientSecret,
  }
  const { stdout } = await succeed(run(interpreter, [program(name), ...args], { env, ...(input ? { input } : {}) }))
  return JSON.parse(stdout) as Outcome
}

async function granted(scope: string, role: string, to = reader.objectId): Promise<() => Promise<void>> {
  const revoke = await owner.grant(scope, role, to)
  onTestFinished(revoke)
  return revoke
}

const callerLine = (clientId: string, objectId: string): string =>
  `appid=${clientId};oid=${objectId};iss=https://sts.windows.net/${owner.tenantId}/`

const roleRefusal = (who: { clientId: string; objectId: string }, action: string, resource: string) => ({
  error: 'HttpResponseError',
  status: 403,
  code: 'Forbidden',
  innerCode: 'ForbiddenByRbac',
  message:
    'Caller is not authorized to perform action on resource.\r\n' +
    'If role assignments, deny assignments or role definitions were changed recently, please observe propagation time.\r\n' +
    `Caller: ${callerLine(who.clientId, who.objectId)}\r\n` +
    `Action: 'Microsoft.KeyVault/vaults/secrets/${action}'\r\n` +
    `Resource: '${owner.vaultId('kv-snake').toLowerCase()}${resource}'\r\n` +
    'Assignment: (not found)\r\n' +
    'DenyAssignmentId: null\r\n' +
    "DecisionReason: 'DeniedWithNoValidRBAC' \r\n" +
    'Vault: kv-snake;location=westeurope\r\n',
})

describe('azure-identity', () => {
  test('ClientSecretCredential, CertificateCredential and DefaultAzureCredential of an application with a role', async () => {
    const hello = { value: 'hello' }
    const outcomes = await as(keeper, 'credentials.py', [vaultUrl, keeper.certificatePath, reader.certificatePath])
    expect(outcomes).toEqual({
      secret: hello,
      certificate: hello,
      certificateWithChain: hello,
      default: hello,
      wrongSecret: expect.objectContaining({
        error: 'ClientAuthenticationError',
        message: expect.stringContaining('AADSTS7000215'),
      }),
      unknownClient: expect.objectContaining({
        error: 'ClientAuthenticationError',
        message: expect.stringContaining('AADSTS700016'),
      }),
      otherCertificate: expect.objectContaining({
        error: 'ClientAuthenticationError',
        message: expect.stringContaining('AADSTS700027'),
      }),
    })
  })

  test('the same of an application without a role is refused by the vault', async () => {
    const outcomes = await as(reader, 'credentials.py', [vaultUrl, reader.certificatePath, keeper.certificatePath])
    const refused = roleRefusal(reader, 'getSecret/action', '/secrets/greeting')
    expect(outcomes).toMatchObject({
      secret: refused,
      certificate: refused,
      certificateWithChain: refused,
      default: refused,
    })
  })
})

describe('an app under `keystead run`', () => {
  let identities: { allowed: Identity; refused: Identity; stranger: Identity }

  beforeAll(async () => {
    const [allowed, refused, stranger] = await Promise.all(
      ['id-allowed', 'id-refused', 'id-stranger'].map((name) => owner.identity(name)),
    )
    identities = { allowed: required(allowed), refused: required(refused), stranger: required(stranger) }
    for (const { principalId } of [identities.allowed, identities.stranger]) {
      await owner.grant(owner.vaultId('kv-snake'), 'Key Vault Secrets User', principalId)
    }
    const { id, keys } = await owner.account('stsnakeapp')
    await owner.grant(id, 'Storage Blob Data Reader', identities.allowed.principalId)
    await owner.putBlob('stsnakeapp', required(keys[0]), 'inbox', 'note', 'from the blob')
  })

  const runApp = (words: readonly string[], environment: NodeJS.ProcessEnv = {}) => {
    const { allowed, refused } = identities
    const own = ['run', '--data-dir', cloud.dataDirectory, '--app-id', 'snake']
    const given = ['--identity', allowed.id, '--identity', refused.id, '--']
    return run(keysteadCommand, [...own, ...given, ...words], {
      env: { ...process.env, ...cloud.environment, ...environment },
    })
  }

  test('is allowed what the role of its identity allows and refused the rest, however the identity is named', async () => {
    const input = { vaultUrl, accountUrl: 'https://stsnakeapp.blob.core.windows.net', ...identities }
    const { stdout } = await succeed(runApp([interpreter, program('managed_identity.py'), JSON.stringify(input)]))
    const { refused } = identities
    const hello = { value: 'hello' }
    expect(JSON.parse(stdout)).toEqual({
      byClientId: hello,
      byResourceId: hello,
      byObjectId: hello,
      byDefault: hello,
      withoutRole: roleRefusal(
        { clientId: refused.clientId, objectId: refused.principalId },
        'getSecret/action',
        '/secrets/greeting',
      ),
      notAssigned: expect.objectContaining({
        error: expect.stringMatching(/ClientAuthenticationError|CredentialUnavailableError/),
        message: expect.stringContaining('No User Assigned or Delegated Managed Identity found'),
      }),
      wrongHeader: expect.objectContaining({
        error: expect.stringMatching(/ClientAuthenticationError|CredentialUnavailableError/),
      }),
      blobAllowed: { value: 'from the blob' },
      blobRefused: expect.objectContaining({ status: 403, code: 'AuthorizationPermissionMismatch' }),
    })
  })

  test('reads a secret with the lines of a published recipe, and is refused without the role', async () => {
    const app = (identity: Identity) =>
      runApp(['env', `AZURE_CLIENT_ID=${identity.clientId}`, interpreter, program('app.py')], {
        KEY_VAULT_URL: vaultUrl,
      })
    const allowed = await app(identities.allowed)
    expect(allowed).toMatchObject({ code: 0, stdout: 'https://example.internal\n' })
    const refused = await app(identities.refused)
    expect(refused).toMatchObject({ code: 1, stdout: '' })
    expect(refused.stderr).toContain('(Forbidden) Caller is not authorized to perform action on resource.')
    expect(refused.stderr).not.toContain('example.internal')
  })
})

describe('azure-keyvault-secrets', () => {
  test('does everything for one who may', async () => {
    const outcomes = await as(keeper, 'secrets_operations.py', [
      'https://kv-operations.vault.azure.net',
      'https://kv-restored.vault.azure.net',
      'https://kv-nobody.vault.azure.net',
    ])
    const names = [...Array.from({ length: 30 }, (_, index) => `item-${String(index).padStart(2, '0')}`)]
    expect(outcomes).toEqual({
      latest: 'two é 漢',
      old: ['one', 'text/plain', { team: 'a' }],
      disabled: expect.objectContaining({
        status: 403,
        code: 'Forbidden',
        message: 'Operation get is not allowed on a disabled secret.',
      }),
      enabledAgain: 'v',
      listed: [...names, 'setting', 'switched'],
      valuesInLists: false,
      restoredBeside: expect.objectContaining({ error: 'ResourceExistsError', status: 409 }),
      restored: 'two é 漢',
      restoredVersions: 2,
      gone: expect.objectContaining({ error: 'ResourceNotFoundError', status: 404, code: 'SecretNotFound' }),
      taken: expect.objectContaining({ error: 'ResourceExistsError', status: 409 }),
      recoveryId: 'https://kv-operations.vault.azure.net/deletedsecrets/setting',
      deleted: ['setting'],
      recovered: 'two é 漢',
      purged: expect.objectContaining({ error: 'ResourceNotFoundError', status: 404 }),
      absent: expect.objectContaining({ error: 'ResourceNotFoundError', code: 'SecretNotFound' }),
      badName: expect.objectContaining({ error: 'HttpResponseError', status: 400 }),
      unknownVault: expect.objectContaining({
        error: 'ServiceRequestError',
        message: expect.stringContaining('502'),
      }),
    })
  })

  test('on a vault of roles is allowed and refused as roles come and go', async () => {
    const read = () => as(reader, 'read.py', [vaultUrl])
    const refused = {
      get: roleRefusal(reader, 'getSecret/action', '/secrets/greeting'),
      getOther: roleRefusal(reader, 'getSecret/action', '/secrets/other'),
      list: roleRefusal(reader, 'readMetadata/action', ''),
      set: roleRefusal(reader, 'setSecret/action', '/secrets/greeting'),
      delete: roleRefusal(reader, 'delete', '/secrets/greeting'),
    }
    const readable = {
      get: { value: 'hello' },
      getOther: { value: 'other value' },
      list: { value: ['api-base-url', 'greeting', 'other'] },
    }
    expect(await read()).toEqual(refused)
    const takeBack = await granted(`${owner.vaultId('kv-snake')}/secrets/greeting`, 'Key Vault Secrets User')
    expect(await read()).toEqual({ ...refused, get: readable.get })
    await takeBack()
    const revoke = await granted(owner.vaultId('kv-snake'), 'Key Vault Secrets User')
    expect(await read()).toEqual({ ...refused, ...readable })
    await revoke()
    expect(await read()).toEqual(refused)
  })

  test('on a vault of access policies is allowed what they name, and no more with a role', async () => {
    const read = () => as(reader, 'read.py', ['https://kv-policies.vault.azure.net'])
    const refusal = (permission: string) => ({
      error: 'HttpResponseError',
      status: 403,
      code: 'Forbidden',
      innerCode: 'AccessDenied',
      message: `The user, group or application '${callerLine(reader.clientId, reader.objectId)}' does not have secrets ${permission} permission on key vault 'kv-policies;location=westeurope'. For help resolving this issue, please see https://go.microsoft.com/fwlink/?linkid=2125287`,
    })
    const refused = {
      get: refusal('get'),
      getOther: refusal('get'),
      list: refusal('list'),
      set: refusal('set'),
      delete: refusal('delete'),
    }
    await granted(owner.vaultId('kv-policies'), 'Key Vault Administrator')
    expect(await read()).toEqual(refused)
    await owner.vault('kv-policies', [{ objectId: reader.objectId, secrets: ['get'] }])
    expect(await read()).toEqual({ ...refused, get: { value: 'hello' }, getOther: { value: 'other value' } })
  })
})

describe('azure-storage-blob and azure-storage-queue', () => {
  const forbidden = (code: string) => expect.objectContaining({ status: 403, code })
  const mismatch = forbidden('AuthorizationPermissionMismatch')
  const yes = { value: true }

  test('by key, by signature, and by token as roles come and go', async () => {
    const account = await owner.account('stsnake')
    const storage = (...args: string[]) =>
      as(reader, 'storage.py', args, JSON.stringify(['stsnake', required(account.keys[0])]))

    const withoutRole = await storage('prepare')
    expect(withoutRole).toEqual({
      byKey: {
        create: yes,
        createBeside: yes,
        createQueue: yes,
        write: yes,
        writeBeside: yes,
        large: yes,
        readLarge: { value: 9_000_000 },
        read: { value: 'x' },
        names: { value: ['large', 'note'] },
        send: yes,
        receive: { value: 'a message' },
      },
      byWrongKey: forbidden('AuthenticationFailed'),
      bySas: { read: { value: 'x' }, write: mismatch, names: expect.objectContaining({ status: 403 }) },
      byContainerSas: {
        names: { value: ['large', 'note'] },
        read: mismatch,
        namesBeside: expect.objectContaining({ status: 403 }),
      },
      byQueueSas: { send: yes, receive: mismatch },
      byToken: {
        read: mismatch,
        write: mismatch,
        names: mismatch,
        readBeside: mismatch,
        send: mismatch,
        receive: mismatch,
      },
      byDelegation: mismatch,
    })

    const revoke = await granted(`${account.id}/blobServices/default/containers/inbox`, 'Storage Blob Data Reader')
    await granted(account.id, 'Storage Blob Delegator')
    await granted(`${account.id}/queueServices/default/queues/jobs`, 'Storage Queue Data Message Sender')
    const withRoles = await storage()
    expect(withRoles).toMatchObject({
      byToken: {
        read: { value: 'x' },
        write: mismatch,
        names: { value: ['large', 'note'] },
        readBeside: mismatch,
        send: yes,
        receive: mismatch,
      },
      byDelegation: { value: { read: { value: 'x' }, write: expect.objectContaining({ status: 403 }) } },
    })

    await revoke()
    await owner.storage.storageAccounts.regenerateKey('rg', 'stsnake', { keyName: 'key1' })
    const afterwards = await storage()
    expect(afterwards).toMatchObject({
      bySas: { read: forbidden('AuthenticationFailed') },
      byContainerSas: { names: forbidden('AuthenticationFailed') },
      byQueueSas: { send: forbidden('AuthenticationFailed') },
      byToken: { read: mismatch, names: mismatch, send: yes },
      byDelegation: { value: { read: expect.objectContaining({ status: 403 }) } },
    })
  })
})

describe('the management clients', () => {
  test('make a vault, an identity and an assignment, and the identity reads a secret with it', async () => {
    const { AZURE_CLIENT_ID: clientId, AZURE_CLIENT_SECRET: clientSecret } = cloud.environment
    const make = (who: Pick<TestApplication, 'clientId' | 'clientSecret'>) =>
      as(who, 'provisioning.py', ['rg-snake', 'kv-snake-made'])
    const { made } = (await make({ clientId, clientSecret })) as {
      made: { value: { vault: string; vaultUrl: string; identity: string; clientId: string; scope: string } }
    }
    expect(made).toMatchObject({ value: { vaultUrl: 'https://kv-snake-made.vault.azure.net/' } })
    const { vault, vaultUrl: url, identity, scope } = made.value
    // Read back with the clients of another language.
    expect(await owner.identities.userAssignedIdentities.get('rg-snake', 'id-kv-snake-made')).toMatchObject({
      id: identity,
      clientId: made.value.clientId,
    })
    expect([await owner.keyVault.vaults.get('rg-snake', 'kv-snake-made'), scope]).toMatchObject([{ id: vault }, vault])
    await granted(vault, 'Key Vault Secrets Officer', keeper.objectId)
    await owner.setSecrets('kv-snake-made', keeper, { greeting: 'made', other: 'made as well' })
    const { stdout } = await succeed(
      run(
        keysteadCommand,
        [
          ...['run', '--data-dir', cloud.dataDirectory, '--app-id', 'snake-made', '--identity', identity, '--'],
          ...['env', `AZURE_CLIENT_ID=${made.value.clientId}`, interpreter, program('read.py'), url],
        ],
        { env: { ...process.env, ...cloud.environment } },
      ),
    )
    expect(JSON.parse(stdout)).toMatchObject({ get: { value: 'made' }, set: { status: 403 } })
    expect(await make(reader)).toMatchObject({ made: { status: 403, code: 'AuthorizationFailed' } })
  })
})
