/** The variables with which an unmodified client reaches this cloud instead of Azure. */
import { clientEnvironment, directEnvironment } from '@keystead/gateway'
import { readOwner } from '../core/owner.ts'
import type { DataDirectory, Settings } from '../data-directory.ts'

/** Proxy and CA variables: what an app, its sidecar and a person's tools have in common. No credential is among them. */
export function networkEnvironment(
  directory: DataDirectory,
  settings: Settings,
  existing: NodeJS.ProcessEnv,
): Record<string, string> {
  return clientEnvironment({
    gatewayPort: settings.ports.gateway,
    bundlePath: directory.caBundle,
    caPath: directory.caCertificate,
    javaTrustStorePath: directory.javaTrustStore,
    existing,
  })
}

/** A person's variables: the network, an Azure CLI configuration of this cloud's own, and the owner's credentials. */
export async function personEnvironment(
  directory: DataDirectory,
  settings: Settings,
  existing: NodeJS.ProcessEnv,
): Promise<Record<string, string>> {
  const owner = await readOwner(directory, existing)
  return {
    ...networkEnvironment(directory, settings, existing),
    AZURE_CONFIG_DIR: directory.azureConfig,
    AZURE_CORE_COLLECT_TELEMETRY: 'false',
    AZURE_TENANT_ID: settings.tenantId,
    AZURE_CLIENT_ID: owner.clientId,
    AZURE_CLIENT_SECRET: owner.clientSecret,
    AZURE_SUBSCRIPTION_ID: settings.subscriptionId,
  }
}

/**
 * The same for a shell without the proxy, where names under `.localhost` resolve. No credential is among them: a client
 * that was not told of these names yet would send it to the real Entra.
 */
export function directPersonEnvironment(
  directory: DataDirectory,
  settings: Settings,
  existing: NodeJS.ProcessEnv,
): Record<string, string> {
  const { caBundle: bundlePath, caCertificate: caPath } = directory
  return {
    ...directEnvironment({ bundlePath, caPath, existing }),
    AZURE_CONFIG_DIR: directory.azureDirectConfig,
    AZURE_CORE_COLLECT_TELEMETRY: 'false',
    // Or az asks the real Entra whether it knows this authority.
    AZURE_CORE_INSTANCE_DISCOVERY: 'false',
    AZURE_AUTHORITY_HOST: `https://login.keystead.localhost:${settings.ports.gateway}`,
    AZURE_TENANT_ID: settings.tenantId,
    AZURE_SUBSCRIPTION_ID: settings.subscriptionId,
  }
}

/** Names that an app's environment must not inherit: whoever holds one of these holds a credential. */
const credentialVariables = [
  'AZURE_CLIENT_ID',
  'AZURE_CLIENT_SECRET',
  'AZURE_CLIENT_CERTIFICATE_PATH',
  'AZURE_CLIENT_CERTIFICATE_PASSWORD',
  'AZURE_FEDERATED_TOKEN_FILE',
  'AZURE_USERNAME',
  'AZURE_PASSWORD',
  'AZURE_CONFIG_DIR',
  'AZURE_STORAGE_KEY',
  'AZURE_STORAGE_SAS_TOKEN',
  'AZURE_STORAGE_CONNECTION_STRING',
  'IDENTITY_ENDPOINT',
  'IDENTITY_HEADER',
  'MSI_ENDPOINT',
  'MSI_SECRET',
  'KEYSTEAD_MASTER_KEY',
] as const

export function withoutCredentials(environment: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  const cleaned = { ...environment }
  for (const name of credentialVariables) delete cleaned[name]
  return cleaned
}
