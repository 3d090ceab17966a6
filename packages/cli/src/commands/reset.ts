/** `keystead reset`: stops the cloud and deletes everything it holds. */
import { rm } from 'node:fs/promises'
import { createInterface } from 'node:readline/promises'
import { CliError } from '../cli-error.ts'
import type { DataDirectory } from '../data-directory.ts'
import { progress } from '../output.ts'
import { requireSettings } from '../settings.ts'
import { down } from './down.ts'

export async function reset(directory: DataDirectory, yes: boolean): Promise<void> {
  await requireSettings(directory)
  if (!yes && !(await confirmed(directory.path))) {
    throw new CliError('Nothing was deleted.', 'Answer yes, or use `keystead reset --yes`.')
  }
  await down(directory)
  await rm(directory.path, { recursive: true, force: true })
  progress(`Deleted ${directory.path}.`)
}

async function confirmed(path: string): Promise<boolean> {
  if (!process.stdin.isTTY) return false
  const question = createInterface({ input: process.stdin, output: process.stderr })
  const answer = await question.question(`Delete every vault, secret, identity and blob in ${path}? (yes/no) `)
  question.close()
  return answer.trim().toLowerCase() === 'yes'
}
