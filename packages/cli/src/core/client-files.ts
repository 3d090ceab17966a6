/** The files that clients are pointed at: the local CA's certificate inside a bundle with the system's own. */
import { rename, writeFile } from 'node:fs/promises'
import { caBundle } from '@keystead/gateway'
import type { DataDirectory } from '../data-directory.ts'

export async function writeClientFiles(
  directory: DataDirectory,
  certificatePem: string,
  environment: NodeJS.ProcessEnv,
): Promise<void> {
  const temporary = `${directory.caBundle}.tmp`
  await writeFile(temporary, await caBundle(certificatePem, environment), { mode: 0o644 })
  await rename(temporary, directory.caBundle)
}
