/** A table in memory, for tests of the translation. */
import { DatabaseSync } from 'node:sqlite'
import type { TableSource } from '../kql/relation.ts'
import { parseDateTime, ticksOfUnixMs } from '../kql/time.ts'
import type { Column } from '../kql/types.ts'
import { QueryEngine } from '../query-engine.ts'

export const now = Date.UTC(2023, 1, 23, 12)

export const columns: readonly Column[] = [
  { name: 'TimeGenerated', type: 'datetime' },
  { name: 'App', type: 'string' },
  { name: 'Log', type: 'string' },
  { name: 'N', type: 'long' },
  { name: 'R', type: 'real' },
  { name: 'D', type: 'dynamic' },
]

const rows: readonly (readonly (string | number | null)[])[] = [
  [
    '2023-02-23T11:00:00Z',
    'orders',
    'level=info msg="component loaded. name: secretstore"',
    1,
    1.5,
    '{"a":[1,2,3],"b":"x"}',
  ],
  ['2023-02-23T11:10:00Z', 'orders', 'level=error msg="error getting secret"', 2, -2.5, '{"a":[],"b":null}'],
  ['2023-02-23T11:20:00Z', 'queue', 'Level=Error took=15ms id=42', 3, null, '[1,"two",{"three":3}]'],
  ['2023-02-23T11:30:00Z', 'queue', '', null, 0, null],
  ['2023-02-22T09:00:00Z', 'über', 'Straße ÄÖÜ 100%', -7, 2.25, '"text"'],
]

export function sampleEngine(): QueryEngine {
  const database = new DatabaseSync(':memory:')
  const list = columns.map((_, index) => `v${index}`).join(', ')
  database.exec(`CREATE TABLE sample (${list})`)
  const insert = database.prepare(`INSERT INTO sample VALUES (${columns.map(() => '?').join(', ')})`)
  for (const [time, ...rest] of rows) {
    const values = rest.map((value, index) =>
      typeof value === 'number' && columns[index + 1]?.type === 'long' ? BigInt(value) : value,
    )
    insert.run(parseDateTime(String(time)) ?? ticksOfUnixMs(0), ...values)
  }
  const source: TableSource = {
    name: 'T',
    columns,
    select: () => `SELECT ${columns.map((_, index) => `v${index} AS c${index}`).join(', ')} FROM sample`,
  }
  return new QueryEngine(database, [source])
}
