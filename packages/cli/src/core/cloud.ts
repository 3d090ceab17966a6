/** The composition of the cloud: every service over one store, behind one gateway. */
import { createServer, type RequestListener } from 'node:http'
import type { AddressInfo } from 'node:net'
import { AuditTrail, openAuthorizer } from '@keystead/authorization'
import { openContainerApps } from '@keystead/container-apps'
import { openDeployments } from '@keystead/deployments'
import { createHostTable, openCertificateAuthority, startGateway } from '@keystead/gateway'
import { openIdentityService } from '@keystead/identity'
import { openKeyVault } from '@keystead/key-vault'
import { openKubernetesService } from '@keystead/kubernetes-service'
import { openLogs } from '@keystead/logs'
import { openResourceManager } from '@keystead/resource-manager'
import { openStorage } from '@keystead/storage'
import { loadMasterKey, openStore, openWithMasterKey, sealWithMasterKey } from '@keystead/store'
import type { Logger } from 'pino'
import { CliError } from '../cli-error.ts'
import type { DataDirectory } from '../data-directory.ts'
import { startAppPlatform } from './app-platform.ts'
import { writeClientFiles } from './client-files.ts'
import { createControlListener } from './control.ts'
import { Explainer } from './explain/explainer.ts'
import { cloudMigrations } from './migrations.ts'
import { ensureOwner } from './owner.ts'
import { azuriteSecret, logsSecret } from './process-secrets.ts'
import { notImplemented, unservedHosts } from './unserved.ts'
import { vaultCacheBytes } from './vault-cache.ts'

export interface CloudOptions {
  readonly directory: DataDirectory
  readonly environment: NodeJS.ProcessEnv
  readonly logger: Logger
  /** Milliseconds since the epoch. */
  readonly clock: () => number
}

export interface Cloud {
  readonly gatewayPort: number
  close(): Promise<void>
}

/** Opens everything, in the order in which one part needs another; closes it in the opposite order. */
export async function startCloud(options: CloudOptions): Promise<Cloud> {
  const { directory, environment, logger, clock } = options
  const settings = await directory.readSettings()
  if (!settings) throw new CliError(`${directory.path} holds no cloud.`, 'Make one with `keystead up`.')
  const { tenantId, subscriptionId, ports } = settings

  await using resources = new AsyncDisposableStack()
  const masterKey = await loadMasterKey({ file: directory.masterKey, environment, create: false })
  const store = await openStore({
    path: directory.database,
    masterKey,
    migrations: cloudMigrations,
  })
  resources.defer(() => store.close())
  const audit = new AuditTrail({ file: directory.audit, clock })
  resources.defer(() => audit.close())
  const authorizer = await openAuthorizer(store)

  const identity = await openIdentityService({
    store,
    clock,
    tenantId,
    identityEndpoint: `http://127.0.0.1:${ports.managedIdentity}/msi/token`,
    // A person's browser has no proxy to us, and is sent to this machine rather than to the real sign-in page.
    signInBase: `https://login.keystead.localhost:${ports.gateway}`,
    log: logTo(logger, 'identity'),
  })
  resources.defer(() => identity.close())
  const { directory: principals, verifier } = identity
  const subscription = { id: subscriptionId, displayName: 'Keystead', tenantId }
  const resourceManager = await openResourceManager({
    store,
    authorizer,
    verifier,
    directory: principals,
    audit,
    subscription,
    clock,
    log: logTo(logger, 'resource-manager'),
  })
  const service = { store, authorizer, verifier, resources: resourceManager.resources, audit, tenantId, clock }
  const keyVault = await openKeyVault({
    ...service,
    cacheBytes: vaultCacheBytes(environment),
    log: logTo(logger, 'key-vault'),
  })
  resources.defer(() => keyVault.close())
  const storage = await openStorage({
    ...service,
    azurite: {
      blob: `http://127.0.0.1:${ports.blob}`,
      queue: `http://127.0.0.1:${ports.queue}`,
      secret: azuriteSecret(masterKey),
    },
    log: logTo(logger, 'storage'),
  })
  resources.defer(() => storage.close())
  const logs = openLogs({
    ...service,
    process: { url: `http://127.0.0.1:${ports.logs}`, secret: logsSecret(masterKey) },
    log: logTo(logger, 'logs'),
  })
  resources.defer(() => logs.close())
  const deployments = await openDeployments({
    store,
    manager: resourceManager,
    secretOf: (reference) => keyVault.secretForTemplate(reference),
    clock,
    log: logTo(logger, 'deployments'),
  })
  resourceManager.register(keyVault.provider)
  resourceManager.register(storage.provider)
  resourceManager.register(logs.provider)
  resourceManager.register(deployments.provider)
  resourceManager.register(
    await openKubernetesService({
      store,
      directory: principals,
      execute: (request) => resourceManager.execute(request),
    }),
  )
  // Closed before the providers, since its jobs call them; and before it the deployments, which wait for those.
  resources.defer(() => resourceManager.close())
  resources.defer(() => deployments.close())

  await ensureOwner({ directory, masterKey, principals, authorizer, tenantId, subscriptionId, clock })

  const hosts = createHostTable([
    {
      pattern: 'login.microsoftonline.com',
      localPattern: 'login.keystead.localhost',
      service: 'Entra',
      listener: identity.tokenService,
    },
    {
      pattern: 'graph.microsoft.com',
      localPattern: 'graph.keystead.localhost',
      service: 'Microsoft Graph',
      listener: identity.microsoftGraph,
    },
    {
      pattern: 'management.azure.com',
      localPattern: 'management.keystead.localhost',
      service: 'Resource Manager',
      listener: resourceManager.listener,
    },
    {
      pattern: '*.vault.azure.net',
      localPattern: '*.vault.keystead.localhost',
      service: 'Key Vault',
      listener: keyVault.listener,
      exists: (name) => keyVault.exists(name),
      howToCreate: (name) => `az keyvault create --name ${name} --resource-group GROUP --location REGION`,
    },
    {
      pattern: '*.blob.core.windows.net',
      localPattern: '*.blob.keystead.localhost',
      service: 'Storage account',
      listener: storage.blobListener,
      exists: (name) => storage.exists(name),
      howToCreate: createAccount,
    },
    {
      pattern: '*.queue.core.windows.net',
      localPattern: '*.queue.keystead.localhost',
      service: 'Storage account',
      listener: storage.queueListener,
      exists: (name) => storage.exists(name),
      howToCreate: createAccount,
    },
    {
      pattern: '**.azurecontainerapps.io',
      localPattern: '**.apps.keystead.localhost',
      service: 'Container Apps',
      ports: () => platform.ingressPorts(),
    },
    {
      pattern: '*.azurecontainerapps.dev',
      localPattern: '*.appstreams.keystead.localhost',
      service: 'Container Apps log streams',
      listener: (request, response) => containerApps.logStreamListener(request, response),
    },
    {
      pattern: 'api.loganalytics.io',
      localPattern: 'logs.keystead.localhost',
      service: 'Log Analytics',
      listener: logs.queryListener,
    },
    {
      pattern: 'control.keystead.localhost',
      service: 'Keystead',
      listener: createControlListener({
        principals,
        verifier,
        authorizer,
        explainer: new Explainer({
          principals,
          authorizer,
          resources: resourceManager.resources,
          vaults: keyVault.inspector,
          storage: storage.inspector,
        }),
        subscriptionId,
      }),
    },
    ...unservedHosts.map((host) => ({ ...host, listener: notImplemented(host.service) })),
  ])
  const authority = await openCertificateAuthority({
    directory: directory.authority,
    permittedSuffixes: hosts.suffixes,
    clock,
    log: logTo(logger, 'certificate-authority'),
    seal: (plaintext) => sealWithMasterKey(masterKey, plaintext, 'ca-private-key'),
    open: (sealed) => openWithMasterKey(masterKey, sealed, 'ca-private-key'),
  })
  await writeClientFiles(directory, authority.certificatePem, environment)

  // Its processes read the authority's certificate as they start.
  const platform = await startAppPlatform({
    directory,
    settings,
    environment,
    masterKey,
    principals,
    authority,
    log: logTo(logger, 'app-platform'),
  })
  const containerApps = await openContainerApps({
    store,
    directory: principals,
    resources: resourceManager.resources,
    platform,
    clock,
    log: logTo(logger, 'container-apps'),
  })
  resourceManager.register(containerApps.provider)
  await resourceManager.resume()
  await deployments.resume()

  resources.defer(await listen(identity.managedIdentityEndpoint, ports.managedIdentity))
  const upstreamProxy = upstreamOf(environment, ports.gateway)
  const gateway = await startGateway({
    port: ports.gateway,
    hosts,
    authority,
    instanceMetadata: identity.instanceMetadata,
    ...(upstreamProxy ? { upstreamProxy } : {}),
    log: logTo(logger, 'gateway'),
  })
  resources.defer(() => gateway.close())
  // Apps read their secrets through the gateway when they start, and write through it what they still have when they stop.
  resources.defer(() => containerApps.close())
  await containerApps.start()

  const running = resources.move()
  return { gatewayPort: gateway.port, close: () => running.disposeAsync() }
}

const createAccount = (name: string): string => `az storage account create --name ${name} --resource-group GROUP`

function logTo(logger: Logger, component: string) {
  const child = logger.child({ component })
  return (level: 'info' | 'warn' | 'error', message: string, fields: Record<string, unknown> = {}): void =>
    child[level](fields, message)
}

/** The proxy that was set before; never the gateway itself, when the cloud is started from a shell that uses it. */
function upstreamOf(environment: NodeJS.ProcessEnv, gatewayPort: number): string | undefined {
  const proxy = environment.HTTPS_PROXY || environment.https_proxy
  if (!proxy || !URL.canParse(proxy)) return undefined
  const { hostname, port } = new URL(proxy)
  return hostname === '127.0.0.1' && Number(port) === gatewayPort ? undefined : proxy
}

/** Serves plain HTTP on loopback; answers how to stop it. */
async function listen(listener: RequestListener, port: number): Promise<() => Promise<void>> {
  const server = createServer(listener)
  await new Promise<AddressInfo>((resolve, reject) => {
    server.once('error', reject)
    server.listen(port, '127.0.0.1', () => resolve(server.address() as AddressInfo))
  })
  return () =>
    new Promise((resolve) => {
      server.close(() => resolve())
      server.closeAllConnections()
    })
}
