/** The files that clients are pointed at: the local CA's certificate beside the system's own, as PEM and for Java. */
import { rename, writeFile } from 'node:fs/promises'
import { caBundle, javaTrustStore } from '@keystead/gateway'
import type { DataDirectory } from '../data-directory.ts'

export async function writeClientFiles(
  directory: DataDirectory,
  certificatePem: string,
  environment: NodeJS.ProcessEnv,
): Promise<void> {
  const bundle = await caBundle(certificatePem, environment)
  await replace(directory.caBundle, bundle)
  await replace(directory.javaTrustStore, javaTrustStore(bundle))
}

/** Clients may be reading the file just now: they see the old one or the new one. */
async function replace(file: string, content: string | Buffer): Promise<void> {
  const temporary = `${file}.tmp`
  await writeFile(temporary, content, { mode: 0o644 })
  await rename(temporary, file)
}
