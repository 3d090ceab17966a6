/** The figures as a table for people, or as one JSON document. */
import { availableParallelism } from 'node:os'
import type { Options } from './options.ts'
import type { Goal, MemoryResult, RatioResult, RowResult } from './row.ts'
import type { Spread } from './statistics.ts'

export function printJson(
  options: Options,
  processors: number,
  load: number,
  rows: readonly RowResult[],
  memory: readonly MemoryResult[],
): void {
  const document = {
    date: new Date().toISOString(),
    node: process.version,
    processors,
    loadAtStart: load,
    rounds: options.rounds,
    seconds: options.seconds,
    rows,
    memory,
  }
  process.stdout.write(`${JSON.stringify(document, null, 2)}\n`)
}

export function printTable(rows: readonly RowResult[], memory: readonly MemoryResult[]): void {
  if (rows.length > 0) {
    const lines = rows.flatMap(({ row, reference, results }) =>
      results.map((result, index) => [
        index === 0 ? row : '',
        index === 0 ? `against ${reference}` : '',
        result.figure,
        range(result.ratio),
        goalText(result.goal),
        `${amount(result, result.subject)} : ${amount(result, result.reference)}`,
      ]),
    )
    print(['ROW', '', 'FIGURE', 'RATIO (LOWEST-HIGHEST)', 'GOAL', 'MEDIANS'], lines)
  }
  if (memory.length > 0) {
    if (rows.length > 0) process.stdout.write('\n')
    print(
      ['RESIDENT MEMORY', 'IDLE', 'AFTER LOAD'],
      memory.map(({ process: name, idle, loaded }) => [
        name,
        mebibytes(idle),
        loaded === undefined ? '-' : mebibytes(loaded),
      ]),
    )
  }
  process.stdout.write(
    `\nRatios are medians of pairs measured one after the other on ${availableParallelism()} processors. ` +
      'They are noisy: compare runs on a quiet machine, and never absolute figures of different machines.\n',
  )
}

function range({ median, min, max }: Spread): string {
  return `${median.toFixed(2)} (${min.toFixed(2)}-${max.toFixed(2)})`
}

function goalText(goal: Goal | undefined): string {
  return goal === undefined ? '-' : `${goal.kind} ${goal.value}: ${goal.met ? 'met' : 'MISSED'}`
}

function amount({ figure }: RatioResult, { median }: Spread): string {
  switch (figure) {
    case 'p99':
    case 'time':
      return median < 0.1 ? `${(median * 1000).toFixed(1)} us` : `${median.toFixed(1)} ms`
    case 'idle memory':
    case 'memory after load':
      return mebibytes(median)
    default:
      return String(Math.round(median))
  }
}

function mebibytes(bytes: number): string {
  return `${Math.round(bytes / 1024 / 1024)} MiB`
}

function print(head: readonly string[], lines: readonly (readonly string[])[]): void {
  const widths = head.map((title, column) => Math.max(title.length, ...lines.map((line) => line[column]?.length ?? 0)))
  for (const line of [head, ...lines]) {
    process.stdout.write(
      `${line
        .map((cell, column) => cell.padEnd(widths[column] ?? 0))
        .join('  ')
        .trimEnd()}\n`,
    )
  }
}
