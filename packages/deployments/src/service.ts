/** Deployments as the cloud composes them: the provider for Resource Manager, over one store. */
import type { ResourceManager, ResourceProvider } from '@keystead/resource-manager'
import type { Store } from '@keystead/store'
import { deploymentsProvider } from './provider.ts'
import { DeploymentRecords } from './records.ts'
import type { SecretOfVault } from './request.ts'
import { DeploymentRuns } from './runs.ts'

export interface DeploymentsOptions {
  readonly store: Store
  readonly manager: ResourceManager
  /** Reads a vault's secret for a parameter that refers to it. */
  readonly secretOf: SecretOfVault
  /** Milliseconds since the epoch. */
  readonly clock: () => number
  readonly log: (level: 'info' | 'warn' | 'error', message: string, fields?: Record<string, unknown>) => void
}

export interface Deployments {
  readonly provider: ResourceProvider
  /** Begins again the deployments that a restart interrupted. Called when every provider is registered. */
  resume(): Promise<void>
  /** Resolves when no request of a deployment is under way. What is left is for the next start. */
  close(): Promise<void>
}

/** Opens deployments on a store that was opened with {@link deploymentsMigrations}. */
export async function openDeployments(options: DeploymentsOptions): Promise<Deployments> {
  const { store, manager, secretOf, clock, log } = options
  const { resources } = manager
  const records = await DeploymentRecords.open(store, resources)
  const runs = new DeploymentRuns({ manager, resources, records, clock, log })
  return {
    provider: deploymentsProvider({ manager, records, runs, secretOf }),
    resume: () => runs.resume(),
    close: () => runs.close(),
  }
}
