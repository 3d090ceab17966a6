import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { QueryEngine } from '../query-engine.ts'
import { logSources } from './log-source.ts'
import { type LogRow, LogWriter } from './log-writer.ts'
import { blocksAtOnce, rowsPerBlock } from './text-index.ts'

const start = Date.UTC(2026, 0, 1)
/** After so many rows texts are found by the index. */
const indexedRows = Number(rowsPerBlock) * blocksAtOnce
let directory: string
let file: string
let writer: LogWriter

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'keystead-logs-'))
  file = join(directory, 'workspace.db')
  writer = new LogWriter(file)
})
afterEach(() => {
  writer.close()
  rmSync(directory, { recursive: true })
})

const line = (index: number, text: string): LogRow => ({
  TimeGenerated: new Date(start + index * 1000),
  time_t: new Date(start + index * 1000),
  ContainerAppName_s: index % 2 ? 'orders' : 'queue',
  Log_s: text,
})

function query(text: string): readonly (readonly unknown[])[] {
  const database = new DatabaseSync(file, { readOnly: true })
  try {
    return new QueryEngine(database, logSources).run(text, { now: start, rows: 1000 }).rows
  } finally {
    database.close()
  }
}

describe('a workspace’s database', () => {
  it('finds lines by a part of their text, in full blocks and in the one not indexed yet', () => {
    const lines = Array.from({ length: indexedRows + 1000 }, (_, index) =>
      line(index, index % 1000 === 7 || index === 9000 ? `level=ERROR number ${index}` : `level=info number ${index}`),
    )
    for (let at = 0; at < lines.length; at += 300) {
      writer.append('ContainerAppConsoleLogs_CL', lines.slice(at, at + 300))
    }
    const found = query("ContainerAppConsoleLogs_CL | where Log_s contains 'level=err' | project Log_s")
    expect(found.map(([text]) => text)).toEqual(
      [...Array.from({ length: 10 }, (_, index) => `level=ERROR number ${index * 1000 + 7}`)].toSpliced(
        9,
        0,
        'level=ERROR number 9000',
      ),
    )
  })

  it('answers the same with and without the index', () => {
    const texts = ['a "quoted" text', 'ÄÖÜ straße', '100% sure_', 'back\\slash', 'xyz', '', 'ab', 'tab\tbed\nline']
    writer.append(
      'ContainerAppConsoleLogs_CL',
      Array.from({ length: indexedRows }, (_, index) => line(index, texts[index % texts.length] ?? '')),
    )
    for (const part of ['"quoted"', 'äöü', '100% SURE_', 'back\\slash', 'XYZ', 'ab', 'bed', 'absent']) {
      const literal = `@'${part}'`
      const [indexed] = query(`ContainerAppConsoleLogs_CL | where Log_s contains ${literal} | count`)
      const [scanned] = query(
        `ContainerAppConsoleLogs_CL | extend L = strcat(Log_s, '') | where L contains ${literal} | count`,
      )
      expect(indexed, part).toEqual(scanned)
      expect(Number(indexed?.[0]) > 0, part).toBe(part !== 'absent')
    }
  })

  it('goes on after a restart in the middle of a block', () => {
    writer.append(
      'ContainerAppConsoleLogs_CL',
      Array.from({ length: 50 }, (_, index) => line(index, `first ${index}`)),
    )
    writer.close()
    writer = new LogWriter(file)
    writer.append(
      'ContainerAppConsoleLogs_CL',
      Array.from({ length: indexedRows }, (_, index) => line(index, `second ${index < 50 ? index : ''}`)),
    )
    expect(query("ContainerAppConsoleLogs_CL | where Log_s has 'first' | count")).toEqual([[50]])
    expect(query("ContainerAppConsoleLogs_CL | where Log_s contains 'second 4' | count")).toEqual([[11]])
  })

  it('takes all rows of a batch or none', () => {
    const rows = [
      ...Array.from({ length: indexedRows + 70 }, (_, index) => line(index, 'kept out')),
      { TimeGenerated: 'not a time' },
    ]
    expect(() => writer.append('ContainerAppConsoleLogs_CL', rows)).toThrow('TimeGenerated is not a datetime.')
    writer.append('ContainerAppConsoleLogs_CL', [line(1, 'after it')])
    expect(query('ContainerAppConsoleLogs_CL | project Log_s')).toEqual([['after it']])
    expect(query("ContainerAppConsoleLogs_CL | where Log_s contains 'kept'")).toEqual([])
  })

  it('forgets what is older than the retention', () => {
    writer.append(
      'ContainerAppConsoleLogs_CL',
      Array.from({ length: indexedRows + 300 }, (_, index) => line(index, `number ${index}.`)),
    )
    writer.forget(start + 2_000_000)
    expect(query('ContainerAppConsoleLogs_CL | count')).toEqual([[indexedRows - 1700]])
    expect(query("ContainerAppConsoleLogs_CL | where Log_s contains 'number 1999.'")).toEqual([])
    expect(query("ContainerAppConsoleLogs_CL | where Log_s contains 'number 2001.' | count")).toEqual([[1]])
  })

  it('finds what comes after all that was indexed is forgotten, by a writer that starts anew', () => {
    const rows = (from: number, count: number) =>
      Array.from({ length: count }, (_, index) => line(from + index, `number ${from + index}.`))
    writer.append('ContainerAppConsoleLogs_CL', rows(0, indexedRows + 300))
    writer.forget(start + (indexedRows + 100) * 1000)
    writer.close()
    writer = new LogWriter(file)
    writer.append('ContainerAppConsoleLogs_CL', rows(indexedRows + 300, indexedRows))
    for (const number of [indexedRows + 101, indexedRows + 299, indexedRows + 300, 2 * indexedRows]) {
      expect(query(`ContainerAppConsoleLogs_CL | where Log_s contains 'number ${number}.' | count`)).toEqual([[1]])
    }
  })

  it('refuses a table that there is not', () => {
    expect(() => writer.append('Heartbeat', [])).toThrow('There is no table Heartbeat.')
  })
})
