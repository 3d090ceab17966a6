/** The rows that resource-manager keeps. JSON columns hold text, so that every database reads them alike. */

export interface ResourceRow {
  /** The id in lower case. */
  readonly id_key: string
  readonly type_key: string
  readonly name_key: string
  readonly id: string
  readonly name: string
  readonly type: string
  readonly location: string | null
  readonly kind: string | null
  readonly tags: string | null
  readonly sku: string | null
  readonly identity: string | null
  readonly properties: string
  readonly etag: string
}

export interface OperationRow {
  readonly id: string
  readonly status: 'InProgress' | 'Succeeded' | 'Failed'
  /** The resource type whose job it is, e.g. `Microsoft.Resources/subscriptions/resourceGroups`. */
  readonly type: string
  readonly job: string
  readonly input: string
  readonly resource: string
  /** Object id of the caller. */
  readonly started_by: string
  /** Milliseconds since the epoch. */
  readonly started_at: number
  readonly ended_at: number | null
  readonly result: string | null
  readonly error: string | null
}

export interface ResourceManagerTables {
  readonly resources: ResourceRow
  readonly arm_operations: OperationRow
}
