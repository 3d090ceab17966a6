/** A file for the length of a test. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

export async function temporaryFile(
  name: string,
  content: string | Uint8Array,
): Promise<{ readonly path: string; remove(): Promise<void> }> {
  const folder = await mkdtemp(join(tmpdir(), 'components-'))
  const path = join(folder, name)
  await writeFile(path, content)
  return { path, remove: () => rm(folder, { recursive: true }) }
}
