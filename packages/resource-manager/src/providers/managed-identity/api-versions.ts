/** The api-versions of Microsoft.ManagedIdentity that are answered, newest first. */
export const managedIdentityApiVersions: readonly string[] = [
  '2025-05-31-preview',
  '2025-01-31-preview',
  '2024-11-30',
  '2023-07-31-preview',
  '2023-01-31',
  '2022-01-31-preview',
  '2021-09-30-preview',
  '2018-11-30',
  '2015-08-31-preview',
]

/** Those that know federated identity credentials. */
export const federatedCredentialApiVersions = managedIdentityApiVersions.filter((version) => version >= '2022')
