/** What a person sees: colours on a terminal, none in a pipe; one JSON document with `--output json`. */
import { styleText } from 'node:util'

export type OutputFormat = 'text' | 'json'
type Style = Parameters<typeof styleText>[0]

/** What the person typed to call this, e.g. `bin/keystead`. */
export const self = process.env.KEYSTEAD_COMMAND ?? 'keystead'
delete process.env.KEYSTEAD_COMMAND

/** Colours for `stream`, which honours NO_COLOR, FORCE_COLOR and pipes. */
export function paint(style: Style, text: string, stream: NodeJS.WriteStream = process.stdout): string {
  return styleText(style, text, { stream, validateStream: true })
}

export function printJson(value: unknown): void {
  process.stdout.write(`${JSON.stringify(value, null, 2)}\n`)
}

/** Columns as wide as their widest cell, without a trailing space. */
export function printTable(headings: readonly string[], rows: readonly (readonly string[])[]): void {
  const widths = headings.map((heading, column) =>
    Math.max(heading.length, ...rows.map((row) => (row[column] ?? '').length)),
  )
  const line = (cells: readonly string[]): string =>
    cells
      .map((cell, column) => cell.padEnd(widths[column] ?? 0))
      .join('  ')
      .trimEnd()
  process.stdout.write(`${paint('dim', line(headings))}\n`)
  for (const row of rows) process.stdout.write(`${line(row)}\n`)
}

/** Progress goes to standard error, so that standard output stays what a script reads. */
export function progress(text: string): void {
  process.stderr.write(`${text}\n`)
}
