/** Checks the component's metadata in the order and with the words of components-contrib (common/component/azure/blobstorage). */
import { type AzureCloud, azureCloud } from '../../../azure/environment.ts'
import { type Decoded, decodeMetadata } from '../../../component-declaration.ts'
import { ComponentError } from '../../../component-error.ts'
import { parseGoInt, quote } from '../../../go/strconv.ts'
import type { ComponentContext, Metadata } from '../../../metadata.ts'
import { declaration } from './metadata.ts'

export interface BlobStorageSettings extends Omit<Decoded<typeof declaration>, 'publicAccessLevel'> {
  readonly publicAccessLevel: 'blob' | 'container' | undefined
  /** `https://ACCOUNT.blob.core.windows.net/CONTAINER`, or under the custom endpoint. */
  readonly containerUrl: string
}

/** @throws ComponentError with the text daprd logs at init */
export function blobStorageSettings({
  metadata,
  log,
}: Pick<ComponentContext, 'metadata' | 'log'>): BlobStorageSettings {
  const decoded = decode(metadata)
  if (decoded.connectionString === '' && decoded.accountName === '') throw missing('accountName')
  if (decoded.containerName === '') throw missing('containerName')
  const publicAccessLevel = accessLevel(decoded.publicAccessLevel)
  const retryCount = decoded.getBlobRetryCount === '' ? decoded.retryCount : oldRetryCount(decoded.getBlobRetryCount)
  const cloud = azureCloud(decoded.azureEnvironment)
  return { ...decoded, publicAccessLevel, retryCount, containerUrl: containerUrl(decoded, cloud, log) }
}

function decode(metadata: Metadata): Decoded<typeof declaration> {
  try {
    return decodeMetadata(declaration, metadata)
  } catch (error) {
    if (error instanceof ComponentError) throw new ComponentError(`failed to decode metadata: ${error.message}`)
    throw error
  }
}

function missing(field: string): ComponentError {
  return new ComponentError(`missing or empty ${field} field from metadata`)
}

function accessLevel(level: string): BlobStorageSettings['publicAccessLevel'] {
  if (level === 'none') return undefined
  if (level === 'blob' || level === 'container') return level
  throw new ComponentError(`invalid public access level: ${level}; allowed: [blob container]`)
}

function oldRetryCount(text: string): number {
  const parsed = parseGoInt(text, 32)
  if (typeof parsed === 'number') return parsed
  throw new ComponentError(parsed.error)
}

function containerUrl(
  { accountName, containerName, endpoint }: Decoded<typeof declaration>,
  cloud: AzureCloud,
  log: ComponentContext['log'],
): string {
  const azureUrl = `https://${accountName}.blob.${cloud.storageSuffix}/${containerName}`
  if (endpoint === '') return azureUrl
  const url = URL.parse(endpoint)
  if (url === null) {
    const name = quote(endpoint)
    throw new ComponentError(`failed to parse custom endpoint ${name}: parse ${name}: invalid URL`)
  }
  const azure = URL.parse(azureUrl)
  if (azure !== null && url.hostname === azure.hostname && url.pathname === azure.pathname) {
    log('warn', 'Metadata property endpoint is set to an Azure Blob Storage endpoint and will be ignored')
    return azureUrl
  }
  log('info', 'Using custom endpoint for Azure Blob Storage')
  return `${endpoint.replace(/\/$/, '')}/${accountName}/${containerName}`
}
