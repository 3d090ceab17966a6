/** The metadata fields of state.azure.blobstorage. */
import { authenticationFields } from '../../../azure/environment.ts'
import type { ComponentDeclaration } from '../../../component-declaration.ts'

export const declaration = {
  type: 'state.azure.blobstorage',
  versions: ['v1', 'v2'],
  title: 'Azure Blob Storage',
  fields: {
    connectionString: {
      type: 'string',
      sensitive: true,
      description: 'Connection string of the storage account; wins over an account key.',
    },
    accountName: {
      type: 'string',
      required: true,
      aliases: ['storageAccount', 'storageAccountName'],
      description: 'Name of the storage account.',
    },
    containerName: {
      type: 'string',
      required: true,
      aliases: ['container', 'storageAccountContainer'],
      description: 'Name of the container, which is created if it is not there.',
    },
    accountKey: {
      type: 'string',
      sensitive: true,
      aliases: ['accessKey', 'storageAccessKey', 'storageAccountKey'],
      description: 'Key of the storage account; without one the component signs in to Entra.',
    },
    endpoint: {
      type: 'string',
      aliases: ['storageEndpoint', 'storageAccountEndpoint', 'queueEndpointUrl'],
      description: 'Base URL of a storage server other than Azure, e.g. Azurite at http://127.0.0.1:10000.',
    },
    publicAccessLevel: {
      type: 'string',
      default: 'none',
      allowedValues: ['none', 'blob', 'container'],
      description: 'Who may read without signing in, where the container is created.',
    },
    retryCount: {
      type: 'number',
      default: '3',
      description: 'How often a request is sent again; a negative number is never, 0 the default.',
    },
    getBlobRetryCount: { type: 'string', description: 'Old name of retryCount, which wins over it.' },
    disableEntityManagement: {
      type: 'bool',
      default: 'false',
      description: 'Do not create the container, for an identity that may not.',
    },
    ...authenticationFields,
  },
} as const satisfies ComponentDeclaration
