/** What an official client outside of JavaScript has to see of one secret: one specification for every language. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type Finished, keysteadCommand, run, TestCloud } from './cloud.ts'
import { all, type Identity, Provisioner, required } from './provisioner.ts'

/**
 * Words that start a peer: it takes CREDENTIAL secret get|set VAULT-URL NAME, where a value comes from standard input,
 * and CREDENTIAL chain make GROUP-ID NAME TENANT-ID, which answers the id of the identity that it made.
 */
export type PeerCommand = readonly [file: string, ...args: string[]]

/** What a peer prints; `status` is 0 when it was no service that refused. */
export interface PeerAnswer {
  readonly value?: string
  readonly status?: number
  readonly code?: string
  readonly message?: string
}

export interface PeerCloud {
  readonly cloud: TestCloud
  readonly owner: Provisioner
  /** With a person's variables, as `keystead exec` gives them. */
  exec(words: readonly string[], input?: string): Promise<PeerAnswer>
  /** As an app with these identities, as `keystead run` starts it. */
  app(identities: readonly Identity[], words: readonly string[], input?: string): Promise<PeerAnswer>
  /** With exactly these variables. */
  direct(environment: NodeJS.ProcessEnv, words: readonly string[]): Promise<PeerAnswer>
}

export interface SecretPeerOptions {
  /** Builds the peer, or finds it built. */
  readonly command: () => Promise<PeerCommand>
  /** The variables, less what makes the client trust the cloud's authority; the way through the proxy stays. */
  readonly withoutTrust: (environment: NodeJS.ProcessEnv) => NodeJS.ProcessEnv
  /** What the client says of a certificate that nobody it trusts has signed. */
  readonly untrusted: RegExp
}

const vaultUrl = 'https://kv-peers.vault.azure.net'
const get = ['secret', 'get', vaultUrl, 'greeting'] as const
const set = ['secret', 'set', vaultUrl, 'greeting'] as const

/** Declares the tests; `more` declares those of one language on the same cloud. */
export function describeSecretPeer(options: SecretPeerOptions, more?: (peer: () => PeerCloud) => void): void {
  let cloud: TestCloud
  let peer: PeerCloud
  let vault: string

  beforeAll(async () => {
    const command = await options.command()
    cloud = await TestCloud.start()
    await cloud.connect()
    const owner = await Provisioner.asOwner(cloud.environment)
    vault = await owner.vault('kv-peers')
    peer = peerCloud(cloud, owner, command)
  })
  afterAll(async () => {
    await cloud?.[Symbol.asyncDispose]()
  })

  describe('a service principal', () => {
    test.each(['client-secret', 'default'])(
      'that owns the subscription has no data action (%s)',
      async (credential) => {
        const { environment } = peer.cloud
        expect(await peer.exec([credential, ...get])).toEqual({
          status: 403,
          code: 'Forbidden',
          message: expect.stringContaining(`Caller: appid=${environment.AZURE_CLIENT_ID};`),
        })
      },
    )

    test('sets and gets one secret once it has the role', async () => {
      const revoke = await grantOwner('Key Vault Secrets Officer')
      expect(await peer.exec(['client-secret', ...set], 'grüß Gott, 世界')).toEqual({ value: 'grüß Gott, 世界' })
      expect(await peer.exec(['client-secret', ...get])).toEqual({ value: 'grüß Gott, 世界' })
      expect(await peer.exec(['default', ...get])).toEqual({ value: 'grüß Gott, 世界' })
      expect(await peer.exec(['client-secret', 'secret', 'get', vaultUrl, 'absent'])).toMatchObject({
        status: 404,
        code: 'SecretNotFound',
      })
      await revoke()
      expect(await peer.exec(['client-secret', ...get])).toMatchObject({ status: 403, code: 'Forbidden' })
    })

    test('with a wrong secret gets no token, and the reason that Entra gives', async () => {
      const environment = { ...process.env, ...peer.cloud.environment, AZURE_CLIENT_SECRET: 'wrong' }
      const { message } = await peer.direct(environment, ['client-secret', ...get])
      expect(message).toContain('AADSTS7000215')
    })
  })

  describe('a managed identity', () => {
    let identity: Identity
    beforeAll(async () => {
      identity = await peer.owner.identity('id-peers')
      const revoke = await grantOwner('Key Vault Secrets Officer')
      await peer.exec(['client-secret', ...set], 'hello')
      await revoke()
    })

    test('without a role is refused, by its own name', async () => {
      expect(await peer.app([identity], [`managed-identity:${identity.clientId}`, ...get])).toEqual({
        status: 403,
        code: 'Forbidden',
        message: expect.stringContaining(`Caller: appid=${identity.clientId};oid=${identity.principalId};`),
      })
    })

    test('reads with the role, and may not write with it', async () => {
      const revoke = await peer.owner.grant(vault, 'Key Vault Secrets User', identity.principalId)
      const credential = `managed-identity:${identity.clientId}`
      expect(await peer.app([identity], [credential, ...get])).toEqual({ value: 'hello' })
      expect(await peer.app([identity], [credential, ...set], 'changed')).toMatchObject({
        status: 403,
        code: 'Forbidden',
        message: expect.stringContaining("Action: 'Microsoft.KeyVault/vaults/secrets/setSecret/action'"),
      })
      await revoke()
      expect(await peer.app([identity], [credential, ...get])).toMatchObject({ status: 403, code: 'Forbidden' })
    })

    test('that is not the app’s gives it no token', async () => {
      const other = await peer.owner.identity('id-peers-other')
      const answer = await peer.app([identity], [`managed-identity:${other.clientId}`, ...get])
      expect(answer).toMatchObject({
        code: 'AuthenticationFailed',
        message: expect.stringContaining('No User Assigned or Delegated Managed Identity found'),
      })
    })
  })

  describe('the management clients', () => {
    const name = 'kv-peers-made'
    const url = `https://${name}.vault.azure.net`

    test('make a vault, an identity and an assignment, and the identity reads a secret with it', async () => {
      const { owner, exec, app } = peer
      const { value: id = '' } = await exec(['client-secret', 'chain', 'make', owner.group, name, owner.tenantId])
      // Read back with the clients of another language.
      const { clientId, principalId } = await owner.identities.userAssignedIdentities.get('rg', `id-${name}`)
      const identity = { id, clientId: required(clientId), principalId: required(principalId) }
      expect(await owner.keyVault.vaults.get('rg', name)).toMatchObject({
        location: 'westeurope',
        properties: { enableRbacAuthorization: true },
      })
      const scope = owner.vaultId(name)
      const assignments = await all(owner.authorization.roleAssignments.listForScope(scope, { filter: 'atScope()' }))
      expect(assignments.filter((each) => each.principalId === principalId)).toMatchObject([
        { scope, roleDefinitionId: expect.stringMatching(/\/4633458b-17de-408a-b874-0445c86b69e6$/) },
      ])
      const revoke = await owner.grant(scope, 'Key Vault Secrets Officer', await ownObjectId(owner))
      expect(await exec(['client-secret', 'secret', 'set', url, 'greeting'], 'made')).toEqual({ value: 'made' })
      await revoke()
      const credential = `managed-identity:${identity.clientId}`
      expect(await app([identity], [credential, 'secret', 'get', url, 'greeting'])).toEqual({ value: 'made' })
      const refused = [credential, 'chain', 'make', owner.group, 'kv-peers-refused', owner.tenantId]
      expect(await app([identity], refused)).toMatchObject({
        status: 403,
        code: 'AuthorizationFailed',
        message: expect.stringContaining(identity.principalId),
      })
      expect(await exec(['client-secret', 'secret', 'get', url, 'greeting'])).toMatchObject({ status: 403 })
    })
  })

  test('the cloud’s certificate is refused without its authority', async () => {
    const environment = options.withoutTrust({ ...process.env, ...peer.cloud.environment })
    const answer = await peer.direct(environment, ['client-secret', ...get])
    expect(answer).toMatchObject({ status: 0, message: expect.stringMatching(options.untrusted) })
  })

  more?.(() => peer)

  async function grantOwner(role: string): Promise<() => Promise<void>> {
    return await peer.owner.grant(vault, role, await ownObjectId(peer.owner))
  }
}

function peerCloud(cloud: TestCloud, owner: Provisioner, command: PeerCommand): PeerCloud {
  const [file, ...args] = command
  const keystead = (name: string, more: readonly string[], words: readonly string[], input?: string) =>
    run(
      keysteadCommand,
      [name, '--data-dir', cloud.dataDirectory, ...more, '--', ...command, ...words],
      input === undefined ? {} : { input },
    )
  return {
    cloud,
    owner,
    exec: async (words, input) => answer(await keystead('exec', [], words, input)),
    app: async (identities, words, input) =>
      answer(
        await keystead(
          'run',
          ['--app-id', 'peer', ...identities.flatMap(({ id }) => ['--identity', id])],
          words,
          input,
        ),
      ),
    direct: async (env, words) => answer(await run(file, [...args, ...words], { env })),
  }
}

/** The last line, since `keystead run` may print before it. Throws with everything when there is no document. */
function answer({ code, stdout, stderr }: Finished): PeerAnswer {
  const line = stdout.trim().split('\n').at(-1) ?? ''
  if (!line.startsWith('{')) throw new Error(`The peer ended with ${code}.\n${stdout}\n${stderr}`)
  const document = JSON.parse(line) as PeerAnswer
  expect(code, line).toBe(document.value === undefined ? 1 : 0)
  return document
}

/** The object id in a token of the owner's own. */
export async function ownObjectId({ credential }: Provisioner): Promise<string> {
  const { token } = (await credential.getToken('https://management.azure.com/.default')) ?? {}
  const claims = JSON.parse(Buffer.from(token?.split('.')[1] ?? '', 'base64url').toString()) as { oid: string }
  return claims.oid
}
