/** Connects to the blob container of the component's metadata. */
import {
  AnonymousCredential,
  BlobServiceClient,
  ContainerClient,
  newPipeline,
  type StoragePipelineOptions,
  StorageSharedKeyCredential,
} from '@azure/storage-blob'
import { createAzureCredential } from '../../../azure/credentials.ts'
import type { AzureHttpClient } from '../../../azure/http-client.ts'
import { toStorageHttpClient } from '../../../azure/storage-http-client.ts'
import { userAgentPrefix } from '../../../azure/user-agent.ts'
import { ComponentError } from '../../../component-error.ts'
import { base64Error } from '../../../go/base64.ts'
import type { ComponentContext } from '../../../metadata.ts'
import type { BlobStorageSettings } from './settings.ts'

/** A connection string wins over an account key, which wins over signing in to Entra. */
export async function createContainerClient(
  settings: BlobStorageSettings,
  environment: ComponentContext['environment'],
  httpClient: AzureHttpClient,
): Promise<ContainerClient> {
  const options: StoragePipelineOptions = {
    httpClient: toStorageHttpClient(httpClient),
    retryOptions: { maxTries: 1 },
    userAgentOptions: { userAgentPrefix },
  }
  if (settings.connectionString !== '') return fromConnectionString(settings, options)
  if (settings.accountKey !== '') {
    return new ContainerClient(settings.containerUrl, newPipeline(sharedKey(settings), options))
  }
  const credential = await tokenCredential(settings, environment, httpClient)
  return new ContainerClient(settings.containerUrl, newPipeline(credential, options))
}

function sharedKey({ accountName, accountKey }: BlobStorageSettings): StorageSharedKeyCredential {
  const invalid = base64Error(accountKey)
  if (invalid !== undefined) {
    throw new ComponentError(`invalid shared key credentials with error: decode account key: ${invalid}`)
  }
  return new StorageSharedKeyCredential(accountName, accountKey)
}

async function tokenCredential(
  settings: BlobStorageSettings,
  environment: ComponentContext['environment'],
  httpClient: AzureHttpClient,
): ReturnType<typeof createAzureCredential> {
  try {
    return await createAzureCredential({ settings, environment, httpClient })
  } catch (error) {
    if (!(error instanceof ComponentError)) throw error
    throw new ComponentError(`invalid token credentials with error: ${error.message}`)
  }
}

/** The SDK's own error would name a part of the string, which holds a key. */
function fromConnectionString(
  { connectionString, containerName }: BlobStorageSettings,
  options: StoragePipelineOptions,
): ContainerClient {
  try {
    const service = BlobServiceClient.fromConnectionString(connectionString, options)
    if (service.credential instanceof AnonymousCredential && !service.url.includes('?')) throw new TypeError()
    return service.getContainerClient(containerName)
  } catch {
    throw new ComponentError(
      'cannot init blob storage container client with connection string: connection string is either blank or malformed. ' +
        'The expected connection string should contain key value pairs separated by semicolons. For example ' +
        "'DefaultEndpointsProtocol=https;AccountName=<accountName>;AccountKey=<accountKey>;EndpointSuffix=core.windows.net'",
    )
  }
}
