/** `keystead reset`: stops the cloud and deletes everything it holds. */
import { createInterface } from 'node:readline/promises'
import { CliError } from '../cli-error.ts'
import type { DataDirectory } from '../data-directory.ts'
import { progress } from '../output.ts'
import { noCloud } from '../settings.ts'
import { stop } from './down.ts'

export async function reset(directory: DataDirectory, yes: boolean): Promise<void> {
  // A cloud whose settings are damaged can be deleted as well.
  if (!(await directory.holdsCloud())) throw noCloud(directory)
  if (!yes && !(await confirmed(directory.path))) {
    throw new CliError('Nothing was deleted.', 'Answer yes, or use `keystead reset --yes`.')
  }
  await stop(directory)
  await directory.clear()
  progress(`Deleted ${directory.path}.`)
}

async function confirmed(path: string): Promise<boolean> {
  if (!process.stdin.isTTY) return false
  const question = createInterface({ input: process.stdin, output: process.stderr })
  const answer = await question.question(`Delete every vault, secret, identity and blob in ${path}? (yes/no) `)
  question.close()
  return answer.trim().toLowerCase() === 'yes'
}
