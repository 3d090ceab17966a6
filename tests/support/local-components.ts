/** Component files that need no server: secrets of a file, and state in memory. */
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'

/** Writes the stores `secrets`, of these as JSON, and `state` into the folder. */
export async function writeLocalComponents(folder: string, secrets: string): Promise<void> {
  const secretsFile = join(folder, 'secrets.json')
  await writeFile(secretsFile, secrets)
  const component = (name: string, type: string, metadata = '') =>
    `apiVersion: dapr.io/v1alpha1\nkind: Component\nmetadata: {name: ${name}}\nspec: {type: ${type}, version: v1${metadata}}\n`
  const file = `, metadata: [{name: secretsFile, value: "${secretsFile}"}]`
  await writeFile(
    join(folder, 'components.yaml'),
    `${component('secrets', 'secretstores.local.file', file)}---\n${component('state', 'state.in-memory')}`,
  )
}
