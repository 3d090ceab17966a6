/** secretstores.azure.keyvault: secrets of an Azure Key Vault (components-contrib secretstores/azure/keyvault). */
import { SecretClient } from '@azure/keyvault-secrets'
import { azureCall } from '../../../azure/azure-call.ts'
import { createAzureCredential } from '../../../azure/credentials.ts'
import { azureCloud } from '../../../azure/environment.ts'
import { createAzureHttpClient } from '../../../azure/http-client.ts'
import { userAgentPrefix } from '../../../azure/user-agent.ts'
import { decodeMetadata } from '../../../component-declaration.ts'
import { ComponentError } from '../../../component-error.ts'
import { parseGoInt } from '../../../go/strconv.ts'
import type { ComponentContext } from '../../../metadata.ts'
import type { SecretStoreFactory } from '../../../registry.ts'
import type { SecretStore } from '../../../secret-store.ts'
import { declaration } from './metadata.ts'
import { vaultAddress } from './vault-address.ts'

export const factory: SecretStoreFactory = { block: 'secretstores', init }

/** daprd's; every version of the service since 2023 answers it. */
const serviceVersion = '7.5'

/** Sends nothing, so the component loads without any right; the first secret tells. */
async function init({ metadata, environment }: ComponentContext): Promise<SecretStore> {
  const decoded = decodeMetadata(declaration, metadata)
  const { name, azureEnvironment } = vaultAddress(decoded.vaultName, decoded.azureEnvironment)
  const settings = { ...decoded, azureEnvironment }
  const vaultUrl = `https://${name}.${azureCloud(azureEnvironment).vaultSuffix}`
  const httpClient = createAzureHttpClient({ environment })
  const credential = await createAzureCredential({ settings, environment, httpClient })
  const client = new SecretClient(vaultUrl, credential, {
    httpClient,
    serviceVersion,
    retryOptions: { maxRetries: 0 },
    userAgentOptions: { userAgentPrefix },
  })
  return keyVaultStore(client, () => httpClient.close())
}

function keyVaultStore(client: SecretClient, close: () => void): SecretStore {
  async function secretValue(name: string, version: string, signal: AbortSignal): Promise<string> {
    checkPathSegment('secret name', name)
    checkPathSegment('secret version', version)
    if (name === '') throw new ComponentError('parameter name cannot be empty')
    const secret = await azureCall(signal, () => client.getSecret(name, { version, abortSignal: signal }))
    return secret.value ?? ''
  }

  return {
    features: [],

    /** The latest version, or that of `version_id` in the request's metadata. */
    async getSecret(name, metadata, signal) {
      return { [name]: await secretValue(name, metadata.version_id ?? '', signal) }
    },

    /** Every enabled secret, one request each; one refusal fails the whole. `maxresults` is looked at after each page of the list. */
    async bulkGetSecret(metadata, signal) {
      const maxResults = maxResultsOf(metadata.maxresults)
      const secrets = new Map<string, Record<string, string>>()
      const pages = client.listPropertiesOfSecrets({ abortSignal: signal }).byPage()
      for (;;) {
        const page = await azureCall(signal, () => pages.next())
        if (page.done) break
        for (const { name, enabled } of page.value) {
          if (enabled) secrets.set(name, { [name]: await secretValue(name, '', signal) })
        }
        if (maxResults > 0 && secrets.size >= maxResults) break
      }
      return Object.fromEntries(secrets)
    },

    async close() {
      close()
    },
  }
}

/** A dot segment would be taken out of the URL and turn the request into another one. */
function checkPathSegment(what: string, text: string): void {
  if (text === '.' || text === '..') throw new ComponentError(`invalid ${what}: ${text}`)
}

function maxResultsOf(text: string | undefined): number {
  if (!text) return 0
  const parsed = parseGoInt(text, 64, 'Atoi')
  if (typeof parsed === 'number') return parsed
  throw new ComponentError(parsed.error)
}
