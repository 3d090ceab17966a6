/** Which certificates of a Vault server are trusted, from a component's metadata. */
import { X509Certificate } from 'node:crypto'
import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { ConnectionOptions } from 'node:tls'
import { ComponentError } from '../../../component-error.ts'
import { goFileErrorText } from '../../../go/file-error.ts'
import type { VaultMetadata } from './metadata.ts'

/** @throws ComponentError `couldn't create client using config: …` */
export async function tlsOptions(settings: VaultMetadata): Promise<ConnectionOptions> {
  if (settings.skipVerify === 'true') return { rejectUnauthorized: false }
  try {
    const ca = await trusted(settings)
    return {
      ...(ca !== undefined && { ca }),
      ...(settings.tlsServerName !== '' && { servername: settings.tlsServerName }),
    }
  } catch (error) {
    if (!(error instanceof ComponentError)) throw error
    throw new ComponentError(`couldn't create client using config: ${error.message}`)
  }
}

async function trusted({ caPem, caPath, caCert }: VaultMetadata): Promise<string[] | undefined> {
  if (caPem !== '') return [checked(caPem)]
  if (caPath !== '') {
    try {
      const entries = await readdir(caPath, { recursive: true, withFileTypes: true })
      const files = entries.filter((entry) => entry.isFile() || entry.isSymbolicLink())
      return await Promise.all(files.map((entry) => readPem(join(entry.parentPath, entry.name))))
    } catch (error) {
      const why = error instanceof ComponentError ? error.message : goFileErrorText(caPath, error)
      throw new ComponentError(`couldn't read certificates at ${caPath}: ${why}`)
    }
  }
  return caCert === '' ? undefined : [await readPem(caCert)]
}

async function readPem(path: string): Promise<string> {
  let text: string
  try {
    text = await readFile(path, 'utf8')
  } catch (error) {
    throw new ComponentError(`couldn't read CA file from disk: ${goFileErrorText(path, error)}`)
  }
  return checked(text)
}

function checked(pem: string): string {
  try {
    new X509Certificate(pem)
    return pem
  } catch {
    throw new ComponentError("couldn't read PEM")
  }
}
