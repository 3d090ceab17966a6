/** The files that clients are pointed at: the local CA's certificate beside the system's own, as PEM and for Java. */
import { existsSync } from 'node:fs'
import { readFile, rename, writeFile } from 'node:fs/promises'
import { caBundle, javaTrustStore } from '@keystead/gateway'
import type { DataDirectory } from '../data-directory.ts'

export async function writeClientFiles(
  directory: DataDirectory,
  certificatePem: string,
  environment: NodeJS.ProcessEnv,
): Promise<void> {
  const bundle = await caBundle(certificatePem, environment)
  // The trust store takes most of a second to make, so it is made only for a bundle that is new.
  if (existsSync(directory.javaTrustStore) && (await readFile(directory.caBundle, 'utf8').catch(() => '')) === bundle)
    return
  await replace(directory.javaTrustStore, javaTrustStore(bundle))
  await replace(directory.caBundle, bundle)
}

/** Clients may be reading the file just now: they see the old one or the new one. */
async function replace(file: string, content: string | Buffer): Promise<void> {
  const temporary = `${file}.tmp`
  await writeFile(temporary, content, { mode: 0o644 })
  await rename(temporary, file)
}
