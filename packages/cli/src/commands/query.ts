/** `keystead logs --query`: a KQL query over a Log Analytics workspace, by the query API's own client. */
import { ResourceManagementClient } from '@azure/arm-resources'
import { Durations, LogsQueryClient, LogsQueryResultStatus, type LogsTable } from '@azure/monitor-query'
import { CliError } from '../cli-error.ts'
import { connectAsOwner } from '../client/connect.ts'
import type { DataDirectory } from '../data-directory.ts'
import { type OutputFormat, printJson, printTable } from '../output.ts'
import { requireRunning } from '../settings.ts'

export interface QueryOptions {
  readonly query: string
  /** A name or a customer id; the only one there is when absent. */
  readonly workspace: string | undefined
  readonly output: OutputFormat
}

const workspaceType = 'Microsoft.OperationalInsights/workspaces'

export async function query(directory: DataDirectory, options: QueryOptions): Promise<void> {
  const settings = await requireRunning(directory)
  const { credential } = await connectAsOwner(directory, settings)
  const resources = new ResourceManagementClient(credential, settings.subscriptionId)
  const found: { name: string; id: string }[] = []
  for await (const { name = '', id = '' } of resources.resources.list({
    filter: `resourceType eq '${workspaceType}'`,
  })) {
    found.push({ name, id })
  }
  const client = new LogsQueryClient(credential)
  const result = await client
    .queryResource(chosen(found, options.workspace).id, options.query, { duration: Durations.sevenDays })
    .catch((error: unknown) => {
      throw refused(error)
    })
  if (result.status !== LogsQueryResultStatus.Success)
    throw new CliError(result.partialError.message, 'Narrow it down.')
  for (const table of result.tables) print(table, options.output)
}

function chosen(found: readonly { name: string; id: string }[], wanted: string | undefined) {
  const names = found.map(({ name }) => name).join(', ')
  if (found.length === 0) {
    throw new CliError(
      'There is no Log Analytics workspace.',
      'Make one with `az monitor log-analytics workspace create -g GROUP -n NAME`.',
    )
  }
  const matching =
    wanted === undefined ? found : found.filter(({ name }) => name.toLowerCase() === wanted.toLowerCase())
  const [only, another] = matching
  if (!only) throw new CliError(`There is no workspace '${wanted}'.`, `There are: ${names}.`)
  if (another) throw new CliError('There are several workspaces.', `Choose one with --workspace: ${names}.`)
  return only
}

interface ApiError {
  readonly message?: string
  readonly innerError?: ApiError
}

/** The API's error as one line: the innermost message says where. */
function refused(error: unknown): unknown {
  let detail = (error as { details?: { error?: ApiError } }).details?.error
  if (!detail) return error
  while (detail.innerError) detail = detail.innerError
  return new CliError(detail.message ?? 'The query was refused.', 'docs/status.md tells which part of KQL is answered.')
}

function print({ columnDescriptors, rows }: LogsTable, output: OutputFormat): void {
  const names = columnDescriptors.map(({ name = '' }) => name)
  if (output === 'json') {
    printJson(rows.map((row) => Object.fromEntries(names.map((name, index) => [name, row[index]]))))
    return
  }
  printTable(
    names,
    rows.map((row) => row.map(text)),
  )
}

function text(value: unknown): string {
  if (value instanceof Date) return value.toISOString()
  return typeof value === 'object' && value !== null ? JSON.stringify(value) : String(value ?? '')
}
