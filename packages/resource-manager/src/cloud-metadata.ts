/**
 * `/metadata/endpoints`: the names of a cloud's services, told to everybody. `az cloud register` asks for them, as do
 * the SDKs of other languages for a cloud they do not know.
 */
import { invalidApiVersion, missingApiVersion } from './arm-errors.ts'
import type { OperationResult } from './operation.ts'

export const metadataPath = /^\/metadata\/endpoints\/?$/i

/** One cloud, or, in the older versions, the list of all that are known. */
const apiVersions = new Map<string, 'object' | 'list'>([
  ['2023-12-01', 'object'],
  ['2023-11-01', 'object'],
  ['2022-09-01', 'object'],
  ['2020-09-01', 'list'],
  ['2020-06-01', 'list'],
  ['2019-05-01', 'list'],
])

/**
 * `localHost`: the name under `.localhost` that was asked, with its port; the others are then told in the same form, so
 * that nothing of a client that uses no proxy leads to the real Azure. Throws ArmError for an api-version that is not
 * known.
 */
export function cloudMetadata(apiVersion: string | undefined, localHost: string | undefined): OperationResult {
  if (apiVersion === undefined || apiVersion === '') throw missingApiVersion()
  const form = apiVersions.get(apiVersion)
  if (form === undefined) throw invalidApiVersion(apiVersion, [...apiVersions.keys()])
  const suffix = localHost?.toLowerCase().replace(/^management\./, '')
  const host = (local: string, azure: string): string => (suffix === undefined ? azure : `${local}${suffix}`)
  const cloud = {
    // az gives a cloud of the public one's name what it knows of that one.
    name: suffix === undefined ? 'AzureCloud' : 'Keystead',
    authentication: {
      loginEndpoint: `https://${host('login.', 'login.microsoftonline.com')}`,
      audiences: ['https://management.core.windows.net/', 'https://management.azure.com/'],
      tenant: 'common',
      identityProvider: 'AAD',
    },
    resourceManager: `https://${host('management.', 'management.azure.com')}/`,
    microsoftGraphResourceId: `https://${host('graph.', 'graph.microsoft.com')}/`,
    suffixes: {
      keyVaultDns: host('vault.', 'vault.azure.net'),
      storage: host('', 'core.windows.net'),
    },
  }
  return { status: 200, body: form === 'list' ? [cloud] : cloud }
}
