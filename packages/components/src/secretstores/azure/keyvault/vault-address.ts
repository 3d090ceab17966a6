/** Finds the vault that a component's metadata names. */

const environments: Readonly<Record<string, string>> = {
  '.vault.azure.net': 'AzurePublicCloud',
  '.vault.azure.cn': 'AzureChinaCloud',
  '.vault.usgovcloudapi.net': 'AzureUSGovernmentCloud',
}

/** A whole host name, with or without `https://`, is taken apart; it decides the cloud, as since Dapr 1.3. */
export function vaultAddress(vaultName: string, azureEnvironment: string): { name: string; azureEnvironment: string } {
  for (const [suffix, environment] of Object.entries(environments)) {
    if (!vaultName.endsWith(suffix)) continue
    return { name: vaultName.slice(0, -suffix.length).replace(/^https:\/\//, ''), azureEnvironment: environment }
  }
  return { name: vaultName, azureEnvironment }
}
