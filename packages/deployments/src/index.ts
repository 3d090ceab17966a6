/** The public surface of deployments: the provider of Microsoft.Resources/deployments, and what its store needs. */
export { deploymentsMigrations } from './migrations.ts'
export type { SecretOfVault } from './request.ts'
export { type Deployments, type DeploymentsOptions, openDeployments } from './service.ts'
