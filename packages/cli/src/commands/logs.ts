/** `keystead logs`: what the processes logged, oldest first. */
import { open, readdir, stat } from 'node:fs/promises'
import { basename, join } from 'node:path'
import { CliError } from '../cli-error.ts'
import type { DataDirectory } from '../data-directory.ts'
import { paint } from '../output.ts'
import { requireSettings } from '../settings.ts'

const pollMs = 200

export async function logs(directory: DataDirectory, name: string | undefined, follow: boolean): Promise<void> {
  await requireSettings(directory)
  const files = (await readdir(directory.logs)).filter((file) => /\.(log|jsonl)$/.test(file)).sort()
  const nameOf = (file: string): string => basename(file).replace(/\.(log|jsonl)$/, '')
  const chosen = name === undefined ? files : files.filter((file) => nameOf(file) === name)
  if (chosen.length === 0) {
    throw new CliError(
      name === undefined ? 'Nothing was logged yet.' : `No process '${name}' has a log.`,
      files.length > 0 ? `There are: ${files.map(nameOf).join(', ')}.` : 'Start the cloud with `keystead up`.',
    )
  }
  const offsets = new Map(chosen.map((file) => [file, 0]))
  do {
    for (const [file, offset] of offsets) {
      const label = chosen.length > 1 ? `${paint('cyan', nameOf(file))} ` : ''
      offsets.set(file, await printFrom(join(directory.logs, file), offset, label))
    }
    if (follow) await new Promise((resolve) => setTimeout(resolve, pollMs))
  } while (follow)
}

/** Prints whole lines from `offset` on; answers where the next ones start. A rotated file starts again. */
async function printFrom(path: string, offset: number, label: string): Promise<number> {
  const { size } = await stat(path)
  let position = size < offset ? 0 : offset
  if (size === position) return position
  await using file = await open(path)
  for await (const line of file.readLines({ start: position, end: size - 1, autoClose: false })) {
    process.stdout.write(`${label}${line}\n`)
  }
  position = size
  return position
}
