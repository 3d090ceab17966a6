/**
 * The process in which Azurite's blob and queue services run.
 *
 * Azurite reads its accounts from a variable every 60 seconds. Here the account store answers for every name with a
 * key derived from one secret instead, so an account works from the moment it is created and no key is in a file.
 */
import { mkdirSync } from 'node:fs'
import { createRequire } from 'node:module'
import { join } from 'node:path'
import { deriveAzuriteKey } from './internal-key.ts'

/** What of Azurite's modules is used; the package ships no declarations. */
interface AzuriteServer {
  start(): Promise<void>
  close(): Promise<void>
}
interface AccountDataStore {
  prototype: { getAccount(name: string): { name: string; key1: Buffer } | undefined }
}
interface BlobHandler {
  prototype: { validateCopySource(): Promise<void> }
}
type ServerConstructor = new (configuration: unknown) => AzuriteServer
type ConfigurationConstructor = new (...values: readonly unknown[]) => unknown
interface PersistenceLocation {
  locationPath: string
}

const load = createRequire(import.meta.url)
const azurite = <Module>(path: string) => load(`azurite/dist/src/${path}`) as Module

const environment = process.env
const secret = environment.KEYSTEAD_AZURITE_SECRET
delete environment.KEYSTEAD_AZURITE_SECRET
delete environment.AZURITE_DB

function setting(name: string): string {
  const value = environment[name]
  if (!value) throw new Error(`${name} is not set`)
  return value
}

if (!secret) throw new Error('KEYSTEAD_AZURITE_SECRET is not set')

const directory = setting('KEYSTEAD_AZURITE_LOCATION')
const debugLog = environment.KEYSTEAD_AZURITE_DEBUG_LOG

process.umask(0o077)
mkdirSync(directory, { recursive: true })

const { default: Accounts } = azurite<{ default: AccountDataStore }>('common/AccountDataStore.js')
Accounts.prototype.getAccount = (name) => ({ name, key1: deriveAzuriteKey(secret, name) })

// A copy's source was decided by the data plane in front: Azurite would ask for it again without a credential.
const { default: BlobHandler } = azurite<{ default: BlobHandler }>('blob/handlers/BlobHandler.js')
BlobHandler.prototype.validateCopySource = async () => {}

azurite<{ configLogger(enable: boolean, file?: string): void }>('common/Logger.js').configLogger(
  debugLog !== undefined,
  debugLog,
)

function server(service: 'blob' | 'queue', port: string): AzuriteServer {
  const upper = service.toUpperCase()
  const title = service === 'blob' ? 'Blob' : 'Queue'
  const constants = azurite<Record<string, unknown>>(`${service}/utils/constants.js`)
  const persistence = constants[`DEFAULT_${upper}_PERSISTENCE_ARRAY`] as [PersistenceLocation]
  persistence[0].locationPath = join(directory, constants[`DEFAULT_${upper}_PERSISTENCE_PATH`] as string)
  const { default: Configuration } = azurite<{ default: ConfigurationConstructor }>(
    `${service}/${title}Configuration.js`,
  )
  const { default: Server } = azurite<{ default: ServerConstructor }>(`${service}/${title}Server.js`)
  return new Server(
    new Configuration(
      '127.0.0.1',
      Number(port),
      constants[`DEFAULT_${upper}_KEEP_ALIVE_TIMEOUT`],
      join(directory, constants[`DEFAULT_${upper}_LOKI_DB_PATH`] as string),
      join(directory, constants[`DEFAULT_${upper}_EXTENT_LOKI_DB_PATH`] as string),
      persistence,
      false, // access log
      undefined,
      debugLog !== undefined,
      debugLog,
      false, // loose: unsupported headers are refused, not ignored
      true, // API versions newer than Azurite's are answered
      '', // certificate
      '',
      '',
      undefined, // its own OAuth check stays off: tokens never get this far
      false, // the account is the first label of Host
      false, // on disk
    ),
  )
}

const servers = [
  server('blob', setting('KEYSTEAD_AZURITE_BLOB_PORT')),
  server('queue', setting('KEYSTEAD_AZURITE_QUEUE_PORT')),
]

let stopping = false
/** Closing writes what is only in memory (Azurite saves its metadata every 5 seconds). */
async function stop(): Promise<void> {
  if (stopping) return
  stopping = true
  const closed = await Promise.allSettled(servers.map((one) => one.close()))
  const failed = closed.find((result) => result.status === 'rejected')
  if (failed) console.error(`Azurite could not save its metadata: ${failed.reason}`)
  process.exit(failed ? 1 : 0)
}

process.on('SIGTERM', stop)
process.on('SIGINT', stop)

try {
  for (const one of servers) await one.start()
  console.log('azurite: ready')
} catch (error) {
  console.error(`azurite: ${error instanceof Error ? error.message : String(error)}`)
  process.exit(1)
}
