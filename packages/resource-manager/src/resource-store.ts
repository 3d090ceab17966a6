/** A tracked resource as Resource Manager keeps it. `properties` is the provider's own, without secret values. */
export interface Resource {
  /** In the case it was first written. */
  readonly id: string
  readonly name: string
  /** e.g. `Microsoft.KeyVault/vaults`. */
  readonly type: string
  readonly location?: string
  readonly tags?: Readonly<Record<string, string>>
  readonly kind?: string
  readonly sku?: Readonly<Record<string, unknown>>
  readonly identity?: Readonly<Record<string, unknown>>
  readonly properties: Readonly<Record<string, unknown>>
  readonly etag: string
}

/** The desired state of every resource, durable when a write resolves. Ids are compared case-insensitively. */
export interface ResourceStore {
  get(id: string): Promise<Resource | undefined>
  /** `ifMatch` is an etag, or `*` for "must exist"; a mismatch throws ArmError 412. */
  put(
    resource: Omit<Resource, 'etag'>,
    options?: { readonly ifMatch?: string; readonly ifNoneMatch?: '*' },
  ): Promise<Resource>
  delete(id: string): Promise<Resource | undefined>
  /** By name within a type, anywhere (vault and account names are global). */
  findByName(type: string, name: string): Promise<Resource | undefined>
  /** Ordered by id; `after` is the last id of the page before. */
  list(filter: {
    readonly below?: string
    readonly type?: string
    readonly name?: string
    readonly after?: string
    readonly limit?: number
  }): Promise<readonly Resource[]>
}
