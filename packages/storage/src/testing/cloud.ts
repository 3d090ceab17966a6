/** Storage on a real store, identity, authorization, Resource Manager and Azurite, reached by TLS on loopback under Azure's names. */
import { randomBytes, randomUUID } from 'node:crypto'
import { once } from 'node:events'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { createServer as createHttpServer, type RequestListener } from 'node:http'
import https from 'node:https'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { connect as connectTls } from 'node:tls'
import { StorageManagementClient } from '@azure/arm-storage'
import type { TokenCredential } from '@azure/core-auth'
import { toHttpHeadersLike } from '@azure/core-http-compat'
import {
  createDefaultHttpClient,
  createHttpHeaders,
  createPipelineRequest,
  type HttpClient,
} from '@azure/core-rest-pipeline'
import {
  type AnonymousCredential,
  type StorageSharedKeyCredential as BlobKey,
  BlobServiceClient,
  type StoragePipelineOptions,
} from '@azure/storage-blob'
import { type StorageSharedKeyCredential as QueueKey, QueueServiceClient } from '@azure/storage-queue'
import type { AuditEvent, Authorizer } from '@keystead/authorization'
import { openTestCore } from '@keystead/resource-manager/testing'
import { storageMigrations } from '../migrations.ts'
import { openStorage } from '../service.ts'
import { type AzuriteProcess, azuriteProcess } from './azurite-process.ts'
import { makeCertificate } from './certificate.ts'

export const tenantId = 'b1c0f1de-2f77-4b39-9d2b-0c7c8f1a5a10'
export const subscriptionId = '0d6a1d6e-5d7e-4d3c-8c1e-3b7b7a0a9d11'
export const groupPath = `/subscriptions/${subscriptionId}/resourceGroups/rg`

/** Guids of the built-in roles that the tests assign. */
export const roles = {
  owner: '8e3af657-a8ff-443c-a75c-2fe8c4bcb635',
  contributor: 'b24988ac-6180-42a0-ab88-20f7382dd24c',
  blobReader: '2a2b9908-6ea1-4ae2-8e65-a410df84e7d1',
  blobContributor: 'ba92f5b4-2d11-453d-a403-e96b0029c9fe',
  queueReader: '19e7f393-937e-4f77-808e-94535e297925',
  queueContributor: '974c5e8b-45b9-4653-ba55-5f855dd0fb88',
  queueSender: 'c6a89b2d-59bc-44d0-9896-0f6e12d7b80a',
  queueProcessor: '8a0f0c08-91a1-4084-bc3d-661d67233fed',
} as const

export interface Principal {
  readonly objectId: string
  readonly credential: TokenCredential
  /** A token for `https://storage.azure.com`. */
  readonly token: string
}

export interface Reply {
  readonly status: number
  readonly headers: Readonly<Record<string, string | string[] | undefined>>
  readonly text: string
}

export interface RawRequest {
  readonly method?: string
  readonly host: string
  readonly path: string
  readonly headers?: Readonly<Record<string, string>>
  readonly body?: string | Buffer
  /** Without TLS. */
  readonly plain?: boolean
}

export interface TestCloud {
  readonly azurite: AzuriteProcess
  readonly authorizer: Authorizer
  readonly arm: StorageManagementClient
  readonly httpClient: HttpClient
  /** Leads every name here. */
  readonly agent: https.Agent
  readonly directory: string
  readonly logged: string[]
  /** Milliseconds the services' clock is ahead. */
  readonly time: { ahead: number }
  account(name: string, properties?: Record<string, unknown>): Promise<{ id: string; keys: string[] }>
  principal(...assignments: readonly { readonly role: string; readonly scope: string }[]): Promise<Principal>
  grant(principal: Principal, role: string, scope: string): Promise<() => Promise<unknown>>
  blobs(
    account: string,
    credential?: BlobKey | TokenCredential | AnonymousCredential,
    query?: string,
  ): BlobServiceClient
  queues(account: string, credential?: QueueKey | TokenCredential, query?: string): QueueServiceClient
  /** The fetch client for a whole URL, e.g. with a SAS. */
  send(request: RawRequest): Promise<Reply>
  audit(): Promise<AuditEvent[]>
  stop(): Promise<void>
}

async function listen(server: { listen(port: number, host: string): unknown; address(): AddressInfo | string | null }) {
  server.listen(0, '127.0.0.1')
  await once(server as never, 'listening')
  const address = server.address()
  if (address === null || typeof address === 'string') throw new Error('no port')
  return address.port
}

export async function startCloud(): Promise<TestCloud> {
  const directory = await mkdtemp(join(tmpdir(), 'keystead-storage-'))
  const azurite = await azuriteProcess(join(directory, 'azurite'), join(directory, 'azurite.log'))
  const starting = azurite.start()
  const time = { ahead: 0 }
  const clock = () => Date.now() + time.ahead
  const logged: string[] = []
  const log = (level: string, message: string, fields?: Record<string, unknown>) =>
    void logged.push(JSON.stringify({ level, message, fields }))
  const core = await openTestCore({
    directory,
    masterKey: { bytes: randomBytes(32) },
    migrations: [storageMigrations],
    tenantId,
    subscription: { id: subscriptionId, displayName: 'Keystead' },
    clock,
    identityClock: Date.now,
    log,
  })
  const { store, authorizer, identity, audit, auditFile, manager } = core
  const storage = await openStorage({
    store,
    authorizer,
    verifier: identity.verifier,
    resources: manager.resources,
    audit,
    tenantId,
    clock,
    azurite,
    log,
  })
  manager.register(storage.provider)

  const route: RequestListener = (request, response) => {
    const host = request.headers.host ?? ''
    if (host.startsWith('management.')) manager.listener(request, response)
    else if (host.startsWith('login.')) identity.tokenService(request, response)
    else if (host.includes('.queue.')) storage.queueListener(request, response)
    else storage.blobListener(request, response)
  }
  const certificate = await makeCertificate([
    '*.blob.core.windows.net',
    '*.queue.core.windows.net',
    'management.azure.com',
    'login.microsoftonline.com',
  ])
  const server = https.createServer(certificate, route)
  const plainServer = createHttpServer(route)
  const [port, plainPort] = [await listen(server), await listen(plainServer)]

  const agent = new https.Agent({ keepAlive: true })
  Object.assign(agent, {
    createConnection: (options: { servername?: string; host?: string }) =>
      connectTls({
        host: '127.0.0.1',
        port,
        ca: certificate.cert,
        servername: options.servername || options.host || 'management.azure.com',
      }),
  })
  const client = createDefaultHttpClient()
  const httpClient: HttpClient = {
    sendRequest(request) {
      request.agent = agent
      return client.sendRequest(request)
    },
  }

  // The storage clients still take the older form of an HTTP client.
  const storageHttpClient: NonNullable<StoragePipelineOptions['httpClient']> = {
    async sendRequest(request) {
      const { url, method, body, streamResponseStatusCodes, abortSignal, timeout } = request
      const headers = createHttpHeaders(request.headers.toJson({ preserveCase: true }))
      const sent = createPipelineRequest({
        url,
        method,
        headers,
        timeout,
        ...(body === undefined ? {} : { body }),
        ...(streamResponseStatusCodes && { streamResponseStatusCodes }),
        ...(abortSignal && { abortSignal }),
      })
      const response = await httpClient.sendRequest(sent)
      return { ...response, request, headers: toHttpHeadersLike(response.headers) }
    },
  }

  const send: TestCloud['send'] = async ({ method = 'GET', host, path, headers = {}, body, plain = false }) => {
    const module = plain ? await import('node:http') : https
    const request = module.request({
      method,
      path,
      host: plain ? '127.0.0.1' : host,
      ...(plain ? { port: plainPort } : { agent }),
      headers: { Host: host, ...(body === undefined ? {} : { 'Content-Length': Buffer.byteLength(body) }), ...headers },
    })
    request.end(body)
    const [response] = await once(request, 'response')
    const chunks: Buffer[] = []
    for await (const chunk of response) chunks.push(chunk)
    return { status: response.statusCode, headers: response.headers, text: Buffer.concat(chunks).toString('utf8') }
  }

  const token = async (appId: string, secret: string, resource: string) => {
    const answer = await send({
      method: 'POST',
      host: 'login.microsoftonline.com',
      path: `/${tenantId}/oauth2/v2.0/token`,
      headers: { 'Content-Type': 'application/x-www-form-urlencoded' },
      body: new URLSearchParams({
        grant_type: 'client_credentials',
        client_id: appId,
        client_secret: secret,
        scope: `${resource}/.default`,
      }).toString(),
    })
    return (JSON.parse(answer.text) as { access_token: string }).access_token
  }

  const grant: TestCloud['grant'] = async (principal, role, scope) => {
    const name = randomUUID()
    await authorizer.putAssignment({
      name,
      scope,
      roleDefinitionName: role,
      principalId: principal.objectId,
      principalType: 'ServicePrincipal',
      createdBy: principal.objectId,
      createdOn: clock(),
    })
    return () => authorizer.deleteAssignment(scope, name)
  }

  const principal: TestCloud['principal'] = async (...assignments) => {
    const { application, servicePrincipal } = await identity.directory.createApplication({ displayName: 'test' })
    const { secretText } = await identity.directory.addPassword(application.appId, {
      displayName: 'test',
      lifetimeSeconds: 3600,
    })
    const storageToken = await token(application.appId, secretText, 'https://storage.azure.com')
    const one: Principal = {
      objectId: servicePrincipal.objectId,
      token: storageToken,
      credential: {
        getToken: async (scopes) => ({
          token: [scopes].flat().some((scope) => scope.includes('management'))
            ? await token(application.appId, secretText, 'https://management.azure.com')
            : storageToken,
          expiresOnTimestamp: Date.now() + 3_000_000,
        }),
      },
    }
    for (const { role, scope } of assignments) await grant(one, role, scope)
    return one
  }

  const owner = await principal({ role: roles.owner, scope: `/subscriptions/${subscriptionId}` })
  const arm = new StorageManagementClient(owner.credential, subscriptionId, { httpClient })
  const ownerToken = await owner.credential.getToken('https://management.azure.com/.default')
  await send({
    method: 'PUT',
    host: 'management.azure.com',
    path: `${groupPath}?api-version=2024-11-01`,
    headers: { Authorization: `Bearer ${ownerToken?.token}`, 'Content-Type': 'application/json' },
    body: JSON.stringify({ location: 'westeurope' }),
  })
  await starting

  return {
    azurite,
    authorizer,
    arm,
    httpClient,
    agent,
    directory,
    logged,
    time,
    send,
    grant,
    principal,
    async account(name, properties = {}) {
      const created = await arm.storageAccounts.create('rg', name, {
        location: 'westeurope',
        kind: 'StorageV2',
        sku: { name: 'Standard_LRS' },
        ...properties,
      })
      const { keys = [] } = await arm.storageAccounts.listKeys('rg', name)
      return { id: created.id ?? '', keys: keys.map((key) => key.value ?? '') }
    },
    blobs: (account, credential, query = '') =>
      new BlobServiceClient(`https://${account}.blob.core.windows.net${query === '' ? '' : `?${query}`}`, credential, {
        httpClient: storageHttpClient,
        retryOptions: { maxTries: 1 },
      }),
    queues: (account, credential, query = '') =>
      new QueueServiceClient(
        `https://${account}.queue.core.windows.net${query === '' ? '' : `?${query}`}`,
        credential,
        {
          httpClient: storageHttpClient,
          retryOptions: { maxTries: 1 },
        },
      ),
    async audit() {
      const text = await readFile(auditFile, 'utf8').catch(() => '')
      return text
        .split('\n')
        .filter((line) => line !== '')
        .map((line) => JSON.parse(line) as AuditEvent)
    },
    async stop() {
      agent.destroy()
      for (const one of [server, plainServer]) {
        one.closeAllConnections()
        one.close()
      }
      await storage.close()
      await core.close()
      await azurite.stop('SIGTERM')
      await rm(directory, { recursive: true, force: true })
    },
  }
}
