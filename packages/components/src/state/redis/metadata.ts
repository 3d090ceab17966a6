/** The metadata fields of state.redis. */
import { authenticationFields } from '../../azure/environment.ts'
import type { ComponentDeclaration, Decoded } from '../../component-declaration.ts'

export const declaration = {
  type: 'state.redis',
  versions: ['v1'],
  title: 'Redis',
  fields: {
    redisHost: {
      type: 'string',
      required: true,
      description: 'Host, with or without its port; several separated by commas for a cluster or sentinels.',
    },
    redisPort: { type: 'number', description: 'Port for hosts that have none; 6379 without it.' },
    redisUsername: { type: 'string', description: 'User name, for a server with access-control lists.' },
    redisPassword: { type: 'string', sensitive: true, description: 'Password.' },
    sentinelUsername: { type: 'string', description: 'User name for the sentinels.' },
    sentinelPassword: { type: 'string', sensitive: true, description: 'Password for the sentinels.' },
    redisDB: { type: 'number', description: 'Database selected after connecting; ignored by a cluster.' },
    redisType: { type: 'string', default: 'node', allowedValues: ['node', 'cluster'], description: 'Kind of service.' },
    failover: { type: 'bool', description: 'redisHost names sentinels, which tell the master.' },
    sentinelMasterName: { type: 'string', description: 'Name of the master, with failover.' },
    enableTLS: { type: 'bool', description: 'TLS, with the certificate verified.' },
    insecureSkipTLSVerify: { type: 'bool', description: 'Takes any certificate.' },
    clientCert: { type: 'string', description: 'Client certificate, PEM.' },
    clientKey: { type: 'string', sensitive: true, description: 'Key of the client certificate, PEM.' },
    redisMaxRetries: {
      type: 'number',
      default: '3',
      aliases: ['maxRetries'],
      description: 'How often a command waits for another connection; -1 for never.',
    },
    redisMinRetryInterval: {
      type: 'string',
      default: '2s',
      aliases: ['maxRetryBackoff'],
      description: 'Least time before connecting again: a Go duration or milliseconds.',
    },
    redisMaxRetryInterval: {
      type: 'string',
      default: '512ms',
      description: 'Most time before connecting again: a Go duration or milliseconds.',
    },
    dialTimeout: { type: 'string', default: '5s', description: 'Limit for connecting: a Go duration or milliseconds.' },
    readTimeout: {
      type: 'string',
      default: '3s',
      description: 'Limit for the answer to a command: a Go duration or milliseconds; -1 for none.',
    },
    writeTimeout: { type: 'string', description: 'Accepted; one limit counts for a command and its answer.' },
    poolSize: { type: 'number', description: 'Accepted; commands share one connection.' },
    minIdleConns: { type: 'number', description: 'Accepted; commands share one connection.' },
    poolTimeout: { type: 'string', description: 'Accepted; commands share one connection.' },
    idleTimeout: { type: 'string', description: 'Accepted; the one connection stays open.' },
    idleCheckFrequency: { type: 'string', description: 'Accepted; the one connection stays open.' },
    maxConnAge: { type: 'string', description: 'Accepted; the one connection stays open.' },
    ttlInSeconds: { type: 'number', description: 'Time to live of items whose request says nothing of it.' },
    queryIndexes: { type: 'string', description: 'Indexes of the query API; needs a server with JSON and search.' },
    useEntraID: { type: 'bool', aliases: ['useAzureAD'], description: 'Sign in with Microsoft Entra ID.' },
    ...authenticationFields,
  },
} as const satisfies ComponentDeclaration

export type RedisMetadata = Decoded<typeof declaration>
