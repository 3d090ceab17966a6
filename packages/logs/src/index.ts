/** The public surface of logs: Log Analytics workspaces, the query API, how the logs process is started, and its database. */
export { logSources } from './database/log-source.ts'
export { findLogTable, type LogTableName } from './database/log-tables.ts'
export { type LogRow, LogWriter } from './database/log-writer.ts'
export { LogsClient, type LogsClientOptions } from './logs-client.ts'
export { QueryEngine } from './query-engine.ts'
export { type LogsProcessOptions, logsCommand } from './server/command.ts'
export { type Logs, type LogsOptions, openLogs } from './service.ts'
