/** Certificate authorities from the environment, as Go programs take them. */
import { type Dirent, readdirSync, readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'

const pem = /-----BEGIN CERTIFICATE-----[\s\S]*?-----END CERTIFICATE-----/g

/**
 * `SSL_CERT_FILE` and `SSL_CERT_DIR` replace the built-in authorities for every TLS client of the process.
 * Returns why a file could not be used; Go ignores it then, and so is it here.
 */
export function useEnvironmentTrust(environment: Readonly<Record<string, string | undefined>>): string[] {
  const problems: string[] = []
  const certificates: string[] = []
  const read = (path: string) => {
    try {
      certificates.push(...(readFileSync(path, 'utf8').match(pem) ?? []))
    } catch (error) {
      problems.push(`${path}: ${error instanceof Error ? error.message : String(error)}`)
    }
  }
  const file = environment['SSL_CERT_FILE']
  const folders = environment['SSL_CERT_DIR']
  if (file) read(file)
  for (const folder of folders ? folders.split(':') : []) {
    try {
      for (const entry of readdirSync(folder, { withFileTypes: true })) {
        if (!entry.isDirectory() && !isDirectoryLink(folder, entry)) read(join(folder, entry.name))
      }
    } catch (error) {
      problems.push(`${folder}: ${error instanceof Error ? error.message : String(error)}`)
    }
  }
  // Loaded here only: a sidecar with local stores needs no TLS, and starts faster without.
  if (certificates.length > 0) process.getBuiltinModule('node:tls').setDefaultCACertificates([...new Set(certificates)])
  return problems
}

function isDirectoryLink(folder: string, entry: Dirent): boolean {
  return entry.isSymbolicLink() && statSync(join(folder, entry.name), { throwIfNoEntry: false })?.isDirectory() === true
}
