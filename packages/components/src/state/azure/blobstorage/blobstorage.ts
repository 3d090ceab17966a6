/** state.azure.blobstorage: one blob per key (components-contrib state/azure/blobstorage). */
import type { ContainerClient, ModifiedAccessConditions } from '@azure/storage-blob'
import { AzureError, azureCall } from '../../../azure/azure-call.ts'
import { type AzureHttpClient, createAzureHttpClient } from '../../../azure/http-client.ts'
import { errorCodeOf } from '../../../azure/response-error.ts'
import { defaultRetry, maxRetriesOf } from '../../../azure/retry.ts'
import { ComponentError } from '../../../component-error.ts'
import { EtagError } from '../../../etag-error.ts'
import type { ComponentContext } from '../../../metadata.ts'
import type { StateStoreFactory } from '../../../registry.ts'
import type { StateStore } from '../../../state-store.ts'
import { blobProperties } from './blob-headers.ts'
import { createContainerClient } from './container-client.ts'
import { type BlobStorageSettings, blobStorageSettings } from './settings.ts'

type BlobName = (key: string) => string

/**
 * The first version leaves the app's prefix out of the blob's name, so two apps on one container overwrite each other;
 * what is stored keeps its name, and only the second version mends it.
 */
const withoutPrefix: BlobName = (key) => {
  const parts = key.split('||')
  return (parts.length === 2 ? parts[1] : parts[0]) ?? key
}

export const v1: StateStoreFactory = { block: 'state', init: (context) => init(context, withoutPrefix) }
export const v2: StateStoreFactory = { block: 'state', init: (context) => init(context, (key) => key) }

const createContainerTimeoutMs = 30_000

async function init(context: ComponentContext, blobName: BlobName): Promise<StateStore> {
  const settings = blobStorageSettings(context)
  const { environment, signal } = context
  const retry = { ...defaultRetry, maxRetries: maxRetriesOf(settings.retryCount) }
  const httpClient = createAzureHttpClient({ environment, retry })
  try {
    const container = await createContainerClient(settings, environment, httpClient)
    if (!settings.disableEntityManagement) await ensureContainer(container, settings, signal)
    return blobStateStore(container, blobName, context.log, httpClient)
  } catch (error) {
    httpClient.close()
    throw error
  }
}

async function ensureContainer(
  container: ContainerClient,
  { containerName, publicAccessLevel: access }: BlobStorageSettings,
  initSignal: AbortSignal,
): Promise<void> {
  const abortSignal = AbortSignal.any([initSignal, AbortSignal.timeout(createContainerTimeoutMs)])
  try {
    await azureCall(abortSignal, () => container.create({ abortSignal, ...(access && { access }) }))
  } catch (error) {
    if (!(error instanceof ComponentError)) throw error
    if (hasCode(error, 'ContainerAlreadyExists') || hasCode(error, 'ResourceAlreadyExists')) return
    throw new ComponentError(`failed to create Azure Storage container ${containerName}: ${error.message}`)
  }
}

function blobStateStore(
  container: ContainerClient,
  blobName: BlobName,
  log: ComponentContext['log'],
  httpClient: AzureHttpClient,
): StateStore {
  const blob = (key: string) => container.getBlockBlobClient(blobName(key))

  return {
    features: ['ETAG'],

    async get(key, _metadata, _options, abortSignal) {
      try {
        return await azureCall(abortSignal, async () => {
          const { readableStreamBody, etag, contentType } = await blob(key).download(0, undefined, { abortSignal })
          const chunks: Uint8Array[] = []
          for await (const chunk of readableStreamBody ?? []) chunks.push(Buffer.from(chunk))
          return { data: Buffer.concat(chunks), ...(etag && { etag }), ...(contentType && { contentType }) }
        })
      } catch (error) {
        if (hasCode(error, 'BlobNotFound')) return {}
        throw error
      }
    },

    async set({ key, value, etag, metadata: requestMetadata, options, contentType }, abortSignal) {
      const hasEtag = etag !== undefined && etag !== ''
      const firstWrite = options.concurrency === 'first-write' && !hasEtag
      const { headers, metadata, overridden } = blobProperties(requestMetadata, contentType)
      if (overridden) {
        log(
          'warn',
          `ContentType received from request Metadata ${overridden}, as well as ContentType property ${contentType}, choosing value from contentType property`,
        )
      }
      const conditions: ModifiedAccessConditions = {
        ...(hasEtag && { ifMatch: etag }),
        ...(firstWrite && { ifNoneMatch: '*' }),
      }
      try {
        await azureCall(abortSignal, () =>
          blob(key).uploadData(Buffer.from(value.buffer, value.byteOffset, value.byteLength), {
            abortSignal,
            conditions,
            metadata,
            blobHTTPHeaders: headers,
          }),
        )
      } catch (error) {
        if (!(error instanceof ComponentError)) throw error
        if (hasEtag && hasCode(error, 'ConditionNotMet')) throw new EtagError('mismatch', error.message)
        throw new ComponentError(`error uploading blob: ${error.message}`)
      }
    },

    /** A blob that is not there is no error, with or without an etag. */
    async delete({ key, etag }, abortSignal) {
      const hasEtag = etag !== undefined && etag !== ''
      const conditions: ModifiedAccessConditions = hasEtag ? { ifMatch: etag } : {}
      try {
        await azureCall(abortSignal, () => blob(key).delete({ abortSignal, conditions }))
      } catch (error) {
        if (!(error instanceof ComponentError)) throw error
        if (hasEtag && hasCode(error, 'ConditionNotMet')) throw new EtagError('mismatch', error.message)
        if (!hasCode(error, 'BlobNotFound')) throw error
      }
    },

    async close() {
      httpClient.close()
    },
  }
}

function hasCode(error: unknown, code: string): boolean {
  return error instanceof AzureError && error.response !== undefined && errorCodeOf(error.response) === code
}
