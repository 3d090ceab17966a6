import { fileURLToPath } from 'node:url'
import { LogsQueryClient, LogsQueryResultStatus } from '@azure/monitor-query'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { run, succeed, TestCloud } from '../support/cloud.ts'
import { Provisioner } from '../support/provisioner.ts'
import { python } from '../support/python.ts'
import { generateQuery, randomOf, sampleTable } from './generated-queries.ts'

const program = fileURLToPath(new URL('other-engine.py', import.meta.url))
const seed = 20_260_101
const generated = 120

/** What people write, besides what is made up. */
const written = [
  "T | where App == 'orders' | where Line contains 'level=err' | project Id, Line | order by Id asc",
  'T | summarize Lines = count() by bin(Time, 1h), App | order by Time asc, App asc',
  "T | where Line has 'error' | summarize First = min(Time), Last = max(Time), Lines = count() by App | order by App asc",
  "T | extend Level = extract('level=([a-z]+)', 1, tolower(Line)) | summarize count() by Level | order by Level asc",
  "T | parse Line with * 'took=' Took:long 'ms' * | where isnotnull(Took) | project Id, Took | order by Id asc",
  "T | parse Line with 'GET ' Path ' ' Status:int ' ' * | where Path != '' | project Id, Path, Status | order by Id asc",
  'T | top 5 by N desc nulls last | project N',
  'T | order by N asc nulls first, Id asc | project Id, N',
  'T | where isnotnull(N) | summarize percentile(N, 50), percentile(N, 95)',
  'T | summarize arg_max(Time, N) by App | order by App asc | project App, Time',
  'T | summarize L = make_set(App) | extend n = array_length(L) | project n',
  'T | extend D = bag_pack("a", N, "b", App) | extend x = tolong(D.a), y = tostring(D.b) | summarize sum(x), dcount(y)',
  'T | union (T | where Id < 5) | count',
  'T | project Id, Words = split(Line, " ") | mv-expand Words to typeof(string) | summarize count() by Words | order by count_ desc, Words asc | take 10',
  'let threshold = 5; let big = (n: long) { n > threshold }; T | where big(N) | count',
  'let Busy = T | summarize n = count() by App | where n > 5; T | where App in ((Busy | project App)) | count',
  'range x from 1 to 10 step 3 | extend y = x * x',
  'print a = 7 / 2, b = -7 % 3, c = bin(-7, 3), d = round(2.567, 1), e = strlen("äöü"), f = datetime_diff("hour", datetime(2026-01-02), datetime(2026-01-01))',
  'print a = startofmonth(datetime(2026-02-15)), b = endofday(datetime(2026-02-15)) > datetime(2026-02-15 23:59), c = dayofyear(datetime(2026-03-01))',
]

/** Where the two differ, and why ours stands. */
const known: readonly { readonly pattern: RegExp; readonly reason: string }[] = []

let cloud: TestCloud
let client: LogsQueryClient
let workspace: string

beforeAll(async () => {
  cloud = await TestCloud.start()
  await cloud.connect()
  const owner = await Provisioner.asOwner(cloud.environment)
  const made = await owner.resources.resources.beginCreateOrUpdateAndWait(
    ...(['rg', 'Microsoft.OperationalInsights', '', 'workspaces', 'main', '2023-09-01'] as const),
    { location: 'westeurope' },
  )
  workspace = String((made.properties as { customerId: string }).customerId)
  client = new LogsQueryClient(owner.credential)
})
afterAll(() => cloud?.[Symbol.asyncDispose]())

interface Outcome {
  readonly columns?: readonly string[]
  readonly rows?: readonly (readonly unknown[])[]
  readonly unsupported?: string
  readonly failed?: string
}

async function ask(query: string): Promise<Outcome> {
  try {
    const result = await client.queryWorkspace(workspace, query, { duration: 'P1D' })
    if (result.status !== LogsQueryResultStatus.Success) return { failed: 'not all was answered' }
    const [table] = result.tables
    return { columns: table?.columnDescriptors.map(({ name = '' }) => name) ?? [], rows: table?.rows ?? [] }
  } catch (error) {
    return { failed: error instanceof Error ? error.message : String(error) }
  }
}

/** One form for what both engines mean by a value. */
function normal(value: unknown): unknown {
  if (value instanceof Date) return value.getTime()
  if (typeof value === 'string' && /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z?$/.test(value)) {
    return Date.parse(value.endsWith('Z') ? value : `${value}Z`)
  }
  if (typeof value === 'number') return Number(value.toPrecision(10))
  if (Array.isArray(value)) return value.map(normal)
  return value
}

test('answers what an engine that shares nothing with ours answers', { timeout: 300_000 }, async () => {
  const random = randomOf(seed)
  const table = sampleTable(random)
  const queries = [...written, ...Array.from({ length: generated }, () => generateQuery(random))]
  const whole = queries.map((query) => `${table} ${query}`)
  const other = succeed(run(python(), [program], { input: JSON.stringify(whole) }))
  const ours = await Promise.all(whole.map(ask))
  const theirs = JSON.parse((await other).stdout) as Outcome[]

  let compared = 0
  const differences: string[] = []
  for (const [index, query] of queries.entries()) {
    const [mine, yours] = [ours[index] ?? {}, theirs[index] ?? {}]
    if (yours.unsupported !== undefined || yours.failed !== undefined) continue
    if (known.some(({ pattern }) => pattern.test(query))) continue
    compared += 1
    const [left, right] = [mine, yours].map(({ columns, rows, failed }) =>
      JSON.stringify(failed ?? { columns, rows: rows?.map(normal) }),
    )
    if (left !== right) differences.push(`${query}\n  ours   ${left?.slice(0, 600)}\n  theirs ${right?.slice(0, 600)}`)
  }
  const refused = theirs.flatMap(({ unsupported, failed }) => unsupported ?? failed ?? [])
  console.log(`${compared} of ${queries.length} queries compared; the other engine did not answer ${refused.length}`)
  expect(differences.join('\n\n')).toBe('')
  // Else it compares next to nothing.
  expect(compared).toBeGreaterThan(queries.length * 0.8)
})
