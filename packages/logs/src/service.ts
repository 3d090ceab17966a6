/** The logs service: workspaces in Resource Manager, the query API, and the way in for rows. */
import type { RequestListener } from 'node:http'
import type { AuditTrail, Authorizer } from '@keystead/authorization'
import type { TokenVerifier } from '@keystead/identity'
import type { Resource, ResourceProvider, ResourceStore } from '@keystead/resource-manager'
import type { LogTableName } from './database/log-tables.ts'
import type { LogRow } from './database/log-writer.ts'
import { LogsClient } from './logs-client.ts'
import { customerIdOf, operationalInsightsProvider, workspaceType } from './provider/workspaces.ts'
import { QueryApi } from './query-api/query-api.ts'

export interface LogsOptions {
  readonly authorizer: Authorizer
  readonly verifier: TokenVerifier
  readonly resources: ResourceStore
  readonly audit: AuditTrail
  readonly tenantId: string
  readonly clock: () => number
  /** The logs process: see {@link logsCommand}. */
  readonly process: { readonly url: string; readonly secret: string }
  readonly log: (level: 'info' | 'warn' | 'error', message: string, fields?: Record<string, unknown>) => void
}

export interface Logs {
  readonly provider: ResourceProvider
  /** `api.loganalytics.io`. */
  readonly queryListener: RequestListener
  /** Rows for a workspace, by its customer id; they are written soon. */
  append(customerId: string, table: LogTableName, rows: readonly LogRow[]): void
  close(): Promise<void>
}

/** How often rows older than their workspace's retention are deleted. */
const retentionMs = 3_600_000

export function openLogs(options: LogsOptions): Logs {
  const { resources, clock, process, log } = options
  const client = new LogsClient({ ...process, log })

  async function findWorkspace(id: string): Promise<Resource | undefined> {
    if (id.startsWith('/')) {
      const found = await resources.get(id)
      return found?.type.toLowerCase() === workspaceType.toLowerCase() ? found : undefined
    }
    for await (const workspace of all(resources)) {
      if (customerIdOf(workspace).toLowerCase() === id.toLowerCase()) return workspace
    }
    return undefined
  }

  async function forgetOld(): Promise<void> {
    for await (const workspace of all(resources)) {
      const days = Number(workspace.properties.retentionInDays)
      await client.forget(customerIdOf(workspace), clock() - days * 86_400_000)
    }
  }

  const timer = setInterval(() => {
    forgetOld().catch((error: unknown) => log('warn', 'Old log rows could not be deleted', { error: String(error) }))
  }, retentionMs).unref()

  return {
    provider: operationalInsightsProvider({
      resources,
      clock,
      keySecret: process.secret,
      removeRows: (customerId) => client.remove(customerId),
    }),
    queryListener: new QueryApi({ ...options, logs: client, findWorkspace }).listener,
    append: (customerId, table, rows) => client.append(customerId, table, rows),
    close: async () => {
      clearInterval(timer)
      await client.close()
    },
  }
}

async function* all(resources: ResourceStore): AsyncGenerator<Resource> {
  let after: string | undefined
  do {
    const stretch = await resources.list({ type: workspaceType, limit: 100, ...(after === undefined ? {} : { after }) })
    yield* stretch
    after = stretch.length < 100 ? undefined : stretch.at(-1)?.id
  } while (after !== undefined)
}
