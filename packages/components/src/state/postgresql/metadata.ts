/** The metadata fields of state.postgresql. */
import { authenticationFields } from '../../azure/environment.ts'
import type { ComponentDeclaration, Decoded } from '../../component-declaration.ts'

export const declaration = {
  type: 'state.postgresql',
  versions: ['v1', 'v2'],
  title: 'PostgreSQL',
  fields: {
    connectionString: {
      type: 'string',
      sensitive: true,
      aliases: ['url'],
      description: 'Words such as `host=… user=…`, or a `postgres://` URL.',
    },
    host: { type: 'string', description: 'Host; wins over the connection string, as the fields that follow.' },
    hostaddr: { type: 'string', description: 'Address, in place of the host.' },
    port: { type: 'string', description: 'Port.' },
    database: { type: 'string', description: 'Database.' },
    user: { type: 'string', description: 'User.' },
    password: { type: 'string', sensitive: true, description: 'Password.' },
    sslRootCert: { type: 'string', description: 'Path of the file with the trusted authorities.' },
    maxConns: { type: 'number', description: 'Most connections at a time.' },
    connectionMaxIdleTime: { type: 'duration', description: 'How long an unused connection stays open.' },
    queryExecMode: {
      type: 'string',
      allowedValues: ['cache_statement', 'cache_describe', 'describe_exec', 'exec', 'simple_protocol'],
      description: 'With any but the first, the default, statements are not kept prepared, as some poolers need it.',
    },
    timeout: {
      type: 'duration',
      default: '20s',
      aliases: ['timeoutInSeconds'],
      description: 'Limit of one database operation.',
    },
    tableName: { type: 'string', default: 'state', description: 'v1: table for the state, with or without schema.' },
    tablePrefix: { type: 'string', description: 'v2: what goes before the names of tables; may hold a schema.' },
    metadataTableName: {
      type: 'string',
      default: 'dapr_metadata',
      description: 'Table in which components keep their schema version, with or without schema.',
    },
    cleanupInterval: {
      type: 'duration',
      default: '1h',
      aliases: ['cleanupIntervalInSeconds'],
      description: 'Time between deletions of expired rows; 0 for never.',
    },
    useAzureAD: { type: 'bool', description: 'Sign in with Microsoft Entra ID.' },
    useAWSIAM: { type: 'bool', description: 'Sign in with AWS IAM: not implemented.' },
    ...authenticationFields,
  },
} as const satisfies ComponentDeclaration

export type PostgresMetadata = Decoded<typeof declaration>
