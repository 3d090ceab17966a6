/** The logs' database: rows written against a bare insert, and texts found by the index against a scan of all rows. */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { LogWriter, logSources, QueryEngine } from '@keystead/logs'
import { BareTable } from '../logs/bare-table.ts'
import { appName, logRows } from '../logs/rows.ts'
import { cpuResolution } from '../process-usage.ts'
import { type Bench, goal, type RatioResult, type RowResult, type Scenario } from '../row.ts'
import { pairwiseRatios, spread } from '../statistics.ts'

const row = { ingestion: 'logs/ingestion', component: 'logs/component-loaded', error: 'logs/level-err' } as const
const table = 'ContainerAppConsoleLogs_CL'
const rowsPerBatch = 1_000
const batchesPerStretch = 20
/** A bare insert takes the same time whatever was written before: it gets one stretch in so many. */
const bareEvery = 5
/** A scan takes seconds, which are much the same each time. */
const mostScans = 3

const queries: readonly { readonly name: string; readonly text: string }[] = [
  {
    name: row.component,
    text: String.raw`${table} | where ContainerAppName_s == "${appName(7)}" | where Log_s contains "msg=\"component loaded. name:" | project time_t, Log_s, ContainerAppName_s`,
  },
  { name: row.error, text: `${table} | where Log_s contains "level=err" | project Log_s` },
]

export const logs: Scenario = {
  rows: Object.values(row),
  async run(bench, wanted) {
    const { logRows: count } = bench.options
    bench.progress(`${[...wanted].join(', ')}: ${count} log rows`)
    const directory = await mkdtemp(join(tmpdir(), 'keystead-bench-logs-'))
    try {
      const file = join(directory, 'workspace.db')
      const ingestion = ingest(bench, file, join(directory, 'bare.db'), count)
      const asked = queries.filter(({ name }) => wanted.has(name))
      return [...(wanted.has(row.ingestion) ? [ingestion] : []), ...search(bench, file, asked, count)]
    } finally {
      await rm(directory, { recursive: true })
    }
  },
}

/** Rows for each second and each CPU second. */
class Rate {
  #rows = 0
  #ms = 0
  #cpuMs = 0

  measure(rows: number, work: () => void): void {
    const [begin, cpu] = [performance.now(), process.cpuUsage()]
    work()
    const { user, system } = process.cpuUsage(cpu)
    this.#rows += rows
    this.#ms += performance.now() - begin
    this.#cpuMs += (user + system) / 1000
  }

  get perSecond(): number {
    return (this.#rows / this.#ms) * 1000
  }

  get perCpuSecond(): number {
    return this.#rows / Math.max(this.#cpuMs / 1000, cpuResolution)
  }
}

function ingest(bench: Bench, file: string, bareFile: string, count: number): RowResult {
  using bare = new BareTable(bareFile, table)
  const writer = new LogWriter(file)
  const own: Rate[] = []
  const others: Rate[] = []
  const rowsPerStretch = rowsPerBatch * batchesPerStretch
  const rowsPerRound = Math.ceil(count / bench.rounds / rowsPerBatch) * rowsPerBatch
  for (let first = 0; first < count; first += rowsPerRound) {
    const [ownRate, otherRate] = [new Rate(), new Rate()]
    const end = Math.min(first + rowsPerRound, count)
    for (let from = first, stretch = 0; from < end; from += rowsPerStretch, stretch += 1) {
      const batches = batchesOf(from, Math.min(from + rowsPerStretch, end))
      const rows = batches.reduce((sum, batch) => sum + batch.length, 0)
      if (stretch % bareEvery === 0) {
        const prepared = batches.map((batch) => batch.map((one) => bare.prepare(one)))
        otherRate.measure(rows, () => {
          for (const batch of prepared) bare.append(batch)
        })
      }
      ownRate.measure(rows, () => {
        for (const batch of batches) writer.append(table, batch)
      })
    }
    own.push(ownRate)
    others.push(otherRate)
    bench.progress(`  ${end} rows written: ${(ownRate.perSecond / otherRate.perSecond).toFixed(2)}`)
  }
  writer.close()
  const result = (figure: RatioResult['figure'], of: (rate: Rate) => number): RatioResult => {
    const [subject, reference] = [own.map(of), others.map(of)]
    const ratio = pairwiseRatios(subject, reference)
    return {
      figure,
      ratio,
      subject: spread(subject),
      reference: spread(reference),
      goal: goal('at least', 0.5, ratio),
    }
  }
  return {
    row: row.ingestion,
    subject: `log rows in batches of ${rowsPerBatch}, indexed`,
    reference: 'a bare insert of the same',
    results: [
      result('rows per second', (rate) => rate.perSecond),
      result('rows per CPU second', (rate) => rate.perCpuSecond),
    ],
  }
}

const batchesOf = (from: number, end: number) =>
  Array.from({ length: Math.ceil((end - from) / rowsPerBatch) }, (_, batch) => {
    const first = from + batch * rowsPerBatch
    return logRows(first, Math.min(rowsPerBatch, end - first))
  })

function search(bench: Bench, file: string, asked: typeof queries, count: number): RowResult[] {
  using database = new DatabaseSync(file, { readOnly: true })
  const indexed = new QueryEngine(database, logSources)
  const scanned = new QueryEngine(
    database,
    logSources.map((source) => ({ ...source, select: (_, range) => source.select([], range) })),
  )
  const timed = (engine: QueryEngine, text: string): { readonly ms: number; readonly found: string } => {
    const begin = performance.now()
    const { rows } = engine.run(text, { now: Date.now(), rows: count })
    return { ms: performance.now() - begin, found: JSON.stringify(rows.map(String).sort()) }
  }
  return asked.map(({ name, text }) => {
    const own: number[] = []
    const others: number[] = []
    timed(indexed, text)
    for (let round = 1; round <= Math.min(bench.rounds, mostScans); round += 1) {
      const [byIndex, byScan] = [timed(indexed, text), timed(scanned, text)]
      if (byIndex.found !== byScan.found) throw new Error('The index and the scan found different rows.')
      own.push(byIndex.ms)
      others.push(byScan.ms)
      bench.progress(`  ${name}, round ${round}: ${(byIndex.ms / byScan.ms).toFixed(3)}`)
    }
    const ratio = pairwiseRatios(own, others)
    return {
      row: name,
      subject: `a text found in ${count} rows`,
      reference: 'a scan of them',
      results: [
        {
          figure: 'time',
          ratio,
          subject: spread(own),
          reference: spread(others),
          goal: goal('at most', 0.1, ratio),
        },
      ],
    }
  })
}
