/** The tables of a workspace, with the names and types that Log Analytics gives their columns. */
import type { Column, ScalarType, Table } from '../kql/types.ts'

export interface LogTable extends Table {
  /** The column whose texts are indexed. */
  readonly text?: string
}

function columns(types: Readonly<Record<string, ScalarType>>): readonly Column[] {
  return Object.entries(types).map(([name, type]) => ({ name, type }))
}

export const logTables = [
  {
    name: 'ContainerAppConsoleLogs_CL',
    text: 'Log_s',
    columns: columns({
      TenantId: 'string',
      SourceSystem: 'string',
      TimeGenerated: 'datetime',
      time_t: 'datetime',
      _timestamp_d: 'real',
      Category: 'string',
      ContainerAppName_s: 'string',
      ContainerGroupName_s: 'string',
      ContainerId_s: 'string',
      ContainerImage_s: 'string',
      ContainerName_s: 'string',
      EnvironmentName_s: 'string',
      ContainerJobName_s: 'string',
      Log_s: 'string',
      RevisionName_s: 'string',
      Stream_s: 'string',
      Type: 'string',
      _ResourceId: 'string',
    }),
  },
  {
    name: 'ContainerAppSystemLogs_CL',
    text: 'Log_s',
    columns: columns({
      TenantId: 'string',
      SourceSystem: 'string',
      TimeGenerated: 'datetime',
      time_t: 'datetime',
      _timestamp_d: 'real',
      TimeStamp_s: 'string',
      Count_d: 'real',
      ContainerAppName_s: 'string',
      EnvironmentName_s: 'string',
      EventSource_s: 'string',
      ExecutionName_s: 'string',
      JobName_s: 'string',
      Level: 'string',
      Log_s: 'string',
      Reason_s: 'string',
      ReplicaName_s: 'string',
      RevisionName_s: 'string',
      Type_s: 'string',
      Type: 'string',
      _ResourceId: 'string',
    }),
  },
  {
    name: 'AZKVAuditLogs',
    columns: columns({
      TenantId: 'string',
      TimeGenerated: 'datetime',
      CallerIPAddress: 'string',
      CorrelationId: 'string',
      DurationMs: 'long',
      HttpStatusCode: 'int',
      Id: 'string',
      Identity: 'dynamic',
      IsAccessPolicyMatch: 'bool',
      IsRbacAuthorized: 'bool',
      OperationName: 'string',
      OperationVersion: 'string',
      RequestUri: 'string',
      ResultDescription: 'string',
      ResultSignature: 'string',
      ResultType: 'string',
      Type: 'string',
      _ResourceId: 'string',
    }),
  },
] as const satisfies readonly LogTable[]

export type LogTableName = (typeof logTables)[number]['name']

export function findLogTable(name: string): LogTable | undefined {
  return logTables.find((table) => table.name === name)
}
