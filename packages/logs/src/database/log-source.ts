/** The tables of a workspace's database, as queries read them. */
import type { Needle, TableSource, TimeRange } from '../kql/relation.ts'
import { type LogTable, logTables } from './log-tables.ts'
import { selectCandidates } from './text-index.ts'

export const logSources: readonly TableSource[] = logTables.map((table: LogTable) => ({
  name: table.name,
  columns: table.columns,
  select: (needles, range) => select(table, needles, range),
}))

function select({ name, columns, text }: LogTable, needles: readonly Needle[], range: TimeRange | undefined): string {
  const list = columns.map((column, index) => `t."${column.name}" AS c${index}`).join(', ')
  const texts = needles.flatMap((needle) => (needle.column === text ? [needle.text] : []))
  const all = selectCandidates(name, list, texts) ?? `SELECT ${list} FROM "${name}" AS t`
  if (!range) return all
  const time = columns.findIndex((column) => column.name === 'TimeGenerated')
  return `SELECT * FROM (${all}) WHERE c${time} >= ${range.from} AND c${time} < ${range.to}`
}
