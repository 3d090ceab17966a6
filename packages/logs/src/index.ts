/** The public surface of logs: Log Analytics workspaces, the query API, and how the logs process is started. */
export type { LogTableName } from './database/log-tables.ts'
export type { LogRow } from './database/log-writer.ts'
export { LogsClient, type LogsClientOptions } from './logs-client.ts'
export { type LogsProcessOptions, logsCommand } from './server/command.ts'
export { type Logs, type LogsOptions, openLogs } from './service.ts'
