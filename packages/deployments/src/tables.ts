/** The rows that deployments keep beside their resources. */

export interface DeploymentRunRow {
  /** The deployment's id in lower case. */
  readonly id_key: string
  readonly id: string
  /** The name of this run in its status url. */
  readonly run_id: string
  /** `running` until its end is stored: what a restart begins again. */
  readonly state: 'running' | 'ended'
  /** Sealed: while it runs, all it needs; afterwards the template, for its export. */
  readonly sealed: Uint8Array
}

export interface DeploymentOperationRow {
  readonly id_key: string
  readonly operation_id: string
  /** Of the resource that it deployed, in lower case. */
  readonly target_key: string
  readonly document: string
}

export interface DeploymentTables {
  readonly deployment_runs: DeploymentRunRow
  readonly deployment_operations: DeploymentOperationRow
}
