/** Connects to Redis: one server, a cluster, or the master that sentinels name. */
import { isIP } from 'node:net'
import { type Cluster, type ClusterOptions, Redis, type RedisOptions } from 'ioredis'
import { ComponentError } from '../../component-error.ts'
import { dialError } from '../../go/dial-error.ts'
import type { RedisMetadata } from './metadata.ts'
import { type Address, readMilliseconds } from './settings.ts'

export type RedisClient = Redis | Cluster

export interface Login {
  readonly username?: string
  readonly password?: string
}

export interface Connection {
  readonly client: RedisClient
  /** Runs a command; its failure has the words of Go's client, above all why there is no connection. */
  run<T>(command: (client: RedisClient) => Promise<T>, signal: AbortSignal): Promise<T>
}

export function connect(settings: RedisMetadata, addresses: readonly Address[], login: Login): Connection {
  const client = createClient(settings, addresses, login)
  // Why the last attempt to connect failed; a command that gave up waiting says only that it did.
  let failure: Error | undefined
  client.on('error', (error: Error) => {
    failure = error
  })
  client.on('ready', () => {
    failure = undefined
  })
  return {
    client,
    async run(command, signal) {
      try {
        return await unlessAborted(command(client), signal)
      } catch (error) {
        throw signal.aborted ? signal.reason : wordedError(error, failure, addresses[0])
      }
    },
  }
}

function createClient(settings: RedisMetadata, addresses: readonly Address[], login: Login): RedisClient {
  const [first = { host: 'localhost', port: 6379 }] = addresses
  const least = readMilliseconds(settings.redisMinRetryInterval, 'RedisMinRetryInterval')
  const most = readMilliseconds(settings.redisMaxRetryInterval, 'RedisMaxRetryInterval')
  const readTimeout = readMilliseconds(settings.readTimeout, 'ReadTimeout')
  const options: RedisOptions = {
    ...login,
    connectTimeout: readMilliseconds(settings.dialTimeout, 'DialTimeout'),
    ...(readTimeout > 0 && { commandTimeout: readTimeout }),
    maxRetriesPerRequest: Math.max(0, settings.redisMaxRetries ?? 3),
    retryStrategy: (times) => Math.max(1, Math.min(most, least * 2 ** Math.min(times - 1, 16))),
    // Servers before 6 know no other.
    protocol: 2,
    disableClientInfo: true,
    ...(settings.enableTLS && { tls: tlsOptions(settings, first) }),
  }
  if (settings.failover) {
    return new Redis({
      ...options,
      sentinels: [...addresses],
      name: settings.sentinelMasterName,
      db: settings.redisDB ?? 0,
      ...(settings.sentinelUsername !== '' && { sentinelUsername: settings.sentinelUsername }),
      ...(settings.sentinelPassword !== '' && { sentinelPassword: settings.sentinelPassword }),
      ...(settings.enableTLS && { enableTLSForSentinelMode: true }),
    })
  }
  if (settings.redisType === 'cluster') {
    const { retryStrategy, maxRetriesPerRequest, ...redisOptions } = options
    const clusterOptions: ClusterOptions = {
      redisOptions,
      clusterRetryStrategy: (times) => (times > (maxRetriesPerRequest ?? 0) ? null : Number(retryStrategy?.(times))),
    }
    return new Redis.Cluster([...addresses], clusterOptions)
  }
  return new Redis({ ...options, ...first, db: settings.redisDB ?? 0 })
}

function tlsOptions(settings: RedisMetadata, { host }: Address): NonNullable<RedisOptions['tls']> {
  const { clientCert, clientKey, insecureSkipTLSVerify } = settings
  return {
    ...(isIP(host) === 0 && { servername: host }),
    ...(insecureSkipTLSVerify && { rejectUnauthorized: false }),
    ...(clientCert !== '' && clientKey !== '' && { cert: clientCert, key: clientKey }),
  }
}

function wordedError(error: unknown, failure: Error | undefined, address: Address | undefined): Error {
  if (!(error instanceof Error)) return new ComponentError(String(error))
  if (error.name === 'ReplyError') return new ComponentError(error.message)
  if (error.message === 'Command timed out') {
    return failure === undefined ? new ComponentError('i/o timeout') : wordedError(failure, undefined, address)
  }
  const why = failure ?? error
  if (why.name === 'ReplyError') return new ComponentError(why.message)
  return new ComponentError(dialError(why, address))
}

function unlessAborted<T>(work: Promise<T>, signal: AbortSignal): Promise<T> {
  return new Promise((resolve, reject) => {
    if (signal.aborted) {
      work.catch(() => undefined)
      reject(signal.reason)
      return
    }
    const abort = (): void => reject(signal.reason)
    signal.addEventListener('abort', abort, { once: true })
    work.then(resolve, reject).finally(() => signal.removeEventListener('abort', abort))
  })
}
