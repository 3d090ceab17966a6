/** The orders example's components beside local ones, for an app under `keystead run`. */
import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { type Finished, keysteadCommand, root, run, type TestCloud } from './cloud.ts'
import type { Identity, Provisioner } from './provisioner.ts'
import { required } from './provisioner.ts'

const stores = (folder: string): string => `apiVersion: dapr.io/v1alpha1
kind: Component
metadata:
  name: memory
spec:
  type: state.in-memory
  version: v1
---
apiVersion: dapr.io/v1alpha1
kind: Component
metadata:
  name: local
spec:
  type: secretstores.local.file
  version: v1
  metadata:
    - name: secretsFile
      value: ${join(folder, 'secrets.json')}
---
apiVersion: dapr.io/v1alpha1
kind: Component
metadata:
  name: environment
spec:
  type: secretstores.local.env
  version: v1
`

export interface Orders {
  readonly account: string
  readonly accountKey: string
  readonly vaultId: string
  readonly identity: Identity
}

/** The vault, the storage account and the identity that examples/orders/components name; nobody may read the vault yet. */
export async function provisionOrders(
  owner: Provisioner,
  keeper: { readonly clientId: string; readonly clientSecret: string; readonly objectId: string },
): Promise<Orders> {
  const account = 'storders'
  const { keys } = await owner.account(account)
  const accountKey = required(keys[0])
  const vaultId = await owner.vault('kv-orders')
  await owner.grant(vaultId, 'Key Vault Secrets Officer', keeper.objectId)
  await owner.setSecrets('kv-orders', keeper, {
    'storage-account-name': account,
    'storage-account-key': accountKey,
    'storage-account-container': 'orders',
    greeting: 'hello',
  })
  return { account, accountKey, vaultId, identity: await owner.identity('id-orders') }
}

/** Lets the app's identity read what its state store needs, secret by secret: no role on the vault itself. */
export async function grantStateSecrets(owner: Provisioner, { vaultId, identity }: Orders): Promise<void> {
  for (const name of ['name', 'key', 'container']) {
    const secret = `${vaultId}/secrets/storage-account-${name}`
    await owner.grant(secret, 'Key Vault Secrets User', identity.principalId)
  }
}

/** Runs `words` as the app `orders` beside its sidecar, with the identity and nothing else to go by. */
export async function runOrdersApp(
  cloud: TestCloud,
  { identity }: Orders,
  words: readonly string[],
): Promise<Finished> {
  const folder = join(cloud.dataDirectory, 'local-components')
  await mkdir(folder, { recursive: true })
  await writeFile(join(folder, 'secrets.json'), '{"db":{"password":"from a file"}}')
  await writeFile(join(folder, 'stores.yaml'), stores(folder))
  const paths = [join(root, 'examples/orders/components'), folder].flatMap((path) => ['--resources-path', path])
  return await run(
    keysteadCommand,
    [
      ...['run', '--data-dir', cloud.dataDirectory, '--app-id', 'orders', '--identity', identity.id],
      ...paths,
      '--',
      ...words,
    ],
    { env: { ...process.env, ORDERS_IDENTITY_CLIENT_ID: identity.clientId, APP_SETTING: 'from the environment' } },
  )
}
