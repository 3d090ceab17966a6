/** `keystead quickstart`: the credential-free chain, told hop by hop: allowed, refused, recovered. */
import { fileURLToPath } from 'node:url'
import { BlobServiceClient } from '@azure/storage-blob'
import { CliError } from '../cli-error.ts'
import { networkEnvironment, withoutCredentials } from '../client/client-environment.ts'
import { connectAsOwner } from '../client/connect.ts'
import { type Replica, registerReplica } from '../client/replica.ts'
import type { DataDirectory } from '../data-directory.ts'
import { type OutputFormat, paint, printJson, progress } from '../output.ts'
import { ensureSettings } from '../settings.ts'
import { shellQuote } from '../shell-quote.ts'
import { Sidecar } from '../sidecar-process.ts'
import { isLocked } from '../supervisor/lock.ts'
import { Supervisor } from '../supervisor/supervisor.ts'
import { ExampleApp, readSecretDirectly } from './example-app.ts'
import { type Identity, names, Provisioner } from './provision.ts'
import { expect, StepFailed, Steps } from './steps.ts'

const components = fileURLToPath(new URL('../../../../examples/orders/components', import.meta.url))
const order = { item: 'teapot', quantity: 1 }

/** Answers the exit code: 0 only if every hop did what it should, refusal included. */
export async function quickstart(
  directory: DataDirectory,
  options: { readonly exit: boolean; readonly output: OutputFormat },
): Promise<number> {
  const asJson = options.output === 'json'
  const steps = new Steps(asJson)
  const interrupted = new Promise<void>((resolve) => {
    process.once('SIGINT', () => resolve())
    process.once('SIGTERM', () => resolve())
  })
  await using resources = new AsyncDisposableStack()
  const shown = show(directory, steps, resources).catch((error) => {
    if (!(error instanceof StepFailed)) throw error
  })
  await Promise.race([
    shown,
    interrupted.then(() => {
      steps.silence()
      throw new CliError('Interrupted.', 'Start it again any time.', { exitCode: 130 })
    }),
  ])
  if (asJson) printJson({ steps: steps.results })
  if (!asJson && steps.ok) tellWhatNext(directory, options.exit)
  if (!options.exit && steps.ok) await interrupted
  if (!asJson) progress(paint('dim', 'Stopping ...', process.stderr))
  return steps.ok ? 0 : 1
}

async function show(directory: DataDirectory, steps: Steps, resources: AsyncDisposableStack): Promise<void> {
  const sidecarLog: string[] = []
  const environment = withoutCredentials(process.env)
  let network: Record<string, string> = {}
  let identity: Identity = { id: '', clientId: '', principalId: '' }
  let accountKey = ''
  let assignment = ''
  let replica: Replica
  let orderId = ''

  await steps.run('cloud', 'Start the cloud on this machine', async () => {
    await directory.create()
    if (isLocked(directory.lock)) {
      throw new CliError(
        `Another quickstart runs on ${directory.path}.`,
        'Stop it first, or give this one a `--data-dir`.',
      )
    }
    await directory.clear()
    const settings = await ensureSettings(directory, undefined)
    const supervisor = await Supervisor.start(directory, settings)
    resources.defer(() => supervisor.stop())
    return `Identity, roles, Key Vault, Resource Manager and storage answer behind 127.0.0.1:${settings.ports.gateway}, under Azure's own host names.`
  })
  const settings = await ensureSettings(directory, undefined)
  network = networkEnvironment(directory, settings, process.env)
  const { credential, ownerObjectId } = await connectAsOwner(directory, settings)
  const provisioner = new Provisioner({ credential, subscriptionId: settings.subscriptionId, ownerObjectId })

  await steps.run('resource-group', 'Create a resource group', async () => {
    await provisioner.resourceGroup()
    return `${names.group}, by @azure/arm-resources signed in as the owner service principal.`
  })
  await steps.run('storage-account', 'Create a storage account with a blob container', async () => {
    accountKey = await provisioner.storageAccount()
    return `${names.account}/${names.container}. It has two keys; the app will see neither.`
  })
  await steps.run('key-vault', 'Create a Key Vault that decides by roles', async () => {
    await provisioner.vault(settings.tenantId)
    return `${names.vault}. Its owner may manage it but read nothing in it, so the owner was given "Key Vault Secrets Officer".`
  })
  await steps.run('secrets', "Put the account's name, key and container into the vault", async () => {
    await provisioner.secrets(accountKey)
    return 'Three secrets, sealed with AES-256-GCM before they reach the disk.'
  })
  await steps.run('identity', 'Create a managed identity for the app', async () => {
    identity = await provisioner.identity()
    return `${names.identity}, client id ${identity.clientId}. It has no password that anyone could leak.`
  })
  await steps.run('role-assignment', 'Let the identity read secrets', async () => {
    assignment = await provisioner.grantSecretsUser(identity.principalId)
    return `"Key Vault Secrets User" for ${names.identity} on ${names.vault}.`
  })

  const appEnvironment = (): NodeJS.ProcessEnv => ({ ...environment, ...network, ...replica.environment })
  const startSidecar = async (start: typeof Sidecar.start): Promise<Sidecar> => {
    sidecarLog.length = 0
    const sidecar = await start({
      appId: 'orders',
      resourcesPath: [components],
      environment: { ...appEnvironment(), ORDERS_IDENTITY_CLIENT_ID: identity.clientId },
      onLine: (line) => sidecarLog.push(line),
    })
    return sidecar
  }
  let sidecar = undefined as Sidecar | undefined
  resources.defer(async () => sidecar?.stop())
  let app = undefined as ExampleApp | undefined
  resources.defer(async () => app?.stop())

  await steps.run('sidecar', 'Start the sidecar with the two component files', async () => {
    replica = await registerReplica({
      directory,
      settings,
      credential,
      replicaId: 'orders-1',
      identities: [identity.id],
    })
    sidecar = await startSidecar(Sidecar.start)
    expect(loaded(sidecarLog, 'statestore (state.azure.blobstorage/v1)'), 'The state store was not loaded.')
    return 'It proved who it is with the managed identity, got the three secrets from the vault and loaded secretstore and statestore.'
  })
  await steps.run('app', 'Start the app, which holds no credential', async () => {
    app = await ExampleApp.start({ ...environment, DAPR_HTTP_PORT: String(sidecar?.httpPort) })
    return 'examples/orders/app.js: plain Node. All it knows is DAPR_HTTP_PORT.'
  })
  await steps.run('order', 'Post an order to the app', async () => {
    orderId = await required(app).postOrder(order)
    return `Order ${orderId} was accepted: app -> sidecar -> storage, with the key that came from the vault.`
  })
  await steps.run('blob', 'Read the blob back with @azure/storage-blob', async () => {
    const service = new BlobServiceClient(`https://${names.account}.blob.core.windows.net`, credential)
    const blob = await service.getContainerClient(names.container).getBlobClient(orderId).downloadToBuffer()
    expect(blob.toString('utf8') === JSON.stringify(order), 'The blob does not hold the order.')
    return `The container ${names.container} holds blob ${orderId} with the order in it.`
  })
  await steps.run('direct-read', "Read a secret directly with the app's identity", async () => {
    const answer = await readSecretDirectly(names.vault, 'storage-account-name', appEnvironment(), identity.clientId)
    expect(answer.ok, `It was refused: ${answer.message}`)
    return 'Allowed: the role assignment on the vault grants Microsoft.KeyVault/vaults/secrets/getSecret/action.'
  })

  await steps.run('revoke', 'Remove the role assignment', async () => {
    await provisioner.revokeSecretsUser(assignment)
    return `${names.identity} holds no role on ${names.vault} any more.`
  })
  await steps.run('refused-directly', 'Read the secret directly again', async () => {
    const answer = await readSecretDirectly(names.vault, 'storage-account-name', appEnvironment(), identity.clientId)
    expect(!answer.ok && answer.status === 403 && answer.code === 'Forbidden', 'It was not refused with 403 Forbidden.')
    return `Refused at once, 403 ${answer.code}: ${answer.message?.split('\r\n')[0]}`
  })
  await steps.run('still-loaded', 'Post another order through the running sidecar', async () => {
    const id = await required(app).postOrder(order)
    return `Order ${id} was stored: a component that is loaded keeps the values it was loaded with, as in Dapr.`
  })
  await steps.run('refused-restart', 'Restart the sidecar without the role', async () => {
    await required(sidecar).stop()
    sidecar = await startSidecar(Sidecar.spawn)
    const code = await sidecar.ended
    const refusal = sidecarLog.find(
      (line) => line.includes('level=error') && line.includes('RESPONSE 403: 403 Forbidden'),
    )
    const fatal = sidecarLog.find((line) => line.includes('level=fatal'))
    expect(code === 1, `It ended with exit code ${code}, not 1.`)
    expect(refusal !== undefined, 'Its log has no 403.')
    expect(fatal?.includes('Fatal error from runtime') === true, 'Its log has no fatal line.')
    return 'It failed as daprd fails: "Error getting secret: ... RESPONSE 403: 403 Forbidden" in its log, then its fatal line and exit code 1.'
  })
  await steps.run('restore', 'Give the role back', async () => {
    assignment = await provisioner.grantSecretsUser(identity.principalId)
    return `"Key Vault Secrets User" for ${names.identity} on ${names.vault}, once more.`
  })
  await steps.run('recovered', 'Start the sidecar again and post an order', async () => {
    sidecar = await startSidecar(Sidecar.start)
    await required(app).stop()
    app = await ExampleApp.start({ ...environment, DAPR_HTTP_PORT: String(sidecar.httpPort) })
    const id = await app.postOrder(order)
    return `Order ${id} was stored: nothing but the role had to change.`
  })
}

function loaded(log: readonly string[], component: string): boolean {
  return log.some((line) => line.includes(`Component loaded: ${component}`))
}

function required<T>(value: T | undefined): T {
  if (value === undefined) throw new Error('An earlier step did not start it.')
  return value
}

function tellWhatNext(directory: DataDirectory, exiting: boolean): void {
  process.stdout.write(
    `\n${paint('green', 'The chain works, refuses and recovers.')} No credential was in the app's hands.\n`,
  )
  if (exiting) return
  const flag = `--data-dir ${shellQuote(directory.path)}`
  process.stdout.write(
    `\nIt stays up until Ctrl-C. In another terminal, try:\n` +
      `  bin/keystead status ${flag}\n` +
      `  bin/keystead logs audit ${flag}\n` +
      `  bin/keystead exec ${flag} -- az keyvault secret list --vault-name ${names.vault}   (needs the Azure CLI)\n`,
  )
}
