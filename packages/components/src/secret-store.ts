export type SecretStoreFeature = 'MULTIPLE_KEY_VALUES_PER_SECRET'

/** A secret store: dapr/components-contrib `secretstores/secret_store.go`. */
export interface SecretStore {
  readonly features: readonly SecretStoreFeature[]
  /** One secret; most stores answer one pair, `{[name]: value}`. Rejects with the store's own refusal. */
  getSecret(
    name: string,
    metadata: Readonly<Record<string, string>>,
    signal: AbortSignal,
  ): Promise<Record<string, string>>
  /** Every secret the identity may read, by name. */
  bulkGetSecret(
    metadata: Readonly<Record<string, string>>,
    signal: AbortSignal,
  ): Promise<Record<string, Record<string, string>>>
  close?(): Promise<void>
}
