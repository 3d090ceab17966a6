/** A parsed Resource Manager id. Compared case-insensitively; the case that was written is kept. */
export interface ResourceId {
  readonly subscriptionId?: string
  readonly resourceGroup?: string
  /** e.g. `Microsoft.KeyVault`; absent for a subscription or a resource group. */
  readonly namespace?: string
  /** e.g. `['vaults']` or `['vaults','secrets']`. */
  readonly types: readonly string[]
  /** As many as `types`, or one fewer for a collection. */
  readonly names: readonly string[]
}

/** Parses a path such as `/subscriptions/S/resourceGroups/G/providers/N/t/n`; undefined when it is not one. */
export declare function parseResourceId(id: string): ResourceId | undefined
export declare function formatResourceId(id: ResourceId): string
