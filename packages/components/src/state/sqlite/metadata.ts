/** The metadata fields of state.sqlite. */
import type { ComponentDeclaration } from '../../component-declaration.ts'

export const declaration = {
  type: 'state.sqlite',
  versions: ['v1'],
  title: 'SQLite',
  fields: {
    connectionString: {
      type: 'string',
      required: true,
      sensitive: true,
      aliases: ['url'],
      description: 'Path of the database file, or a `file:` URI with parameters, or `:memory:`.',
    },
    timeout: {
      type: 'duration',
      default: '20s',
      aliases: ['timeoutInSeconds'],
      description: 'Limit of one database operation.',
    },
    busyTimeout: {
      type: 'duration',
      default: '2s',
      description: 'How long to wait for another process that holds the database.',
    },
    disableWAL: {
      type: 'bool',
      description: 'No write-ahead log; for a database on a network file system.',
    },
    tableName: {
      type: 'string',
      default: 'state',
      description: 'Table for the state: letters, digits and underscores.',
    },
    metadataTableName: {
      type: 'string',
      default: 'metadata',
      description: 'Table in which the component keeps its schema version: letters, digits and underscores.',
    },
    cleanupInterval: {
      type: 'duration',
      aliases: ['cleanupIntervalInSeconds'],
      description: 'Time between deletions of expired rows; none by default.',
    },
  },
} as const satisfies ComponentDeclaration
