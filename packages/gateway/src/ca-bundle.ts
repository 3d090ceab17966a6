/** Builds the CA bundle for clients whose variable replaces the system's roots: those roots with the local authority added. */
import { X509Certificate } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { rootCertificates } from 'node:tls'
import { SUBJECT_ORGANIZATION } from './certificate.ts'

/** Variables that name a whole bundle, in the order in which they are looked at. */
const BUNDLE_VARIABLES = ['SSL_CERT_FILE', 'REQUESTS_CA_BUNDLE', 'CURL_CA_BUNDLE'] as const
/** Names certificates that come on top of a bundle. */
const EXTRA_VARIABLE = 'NODE_EXTRA_CA_CERTS'

/** Where systems keep their bundle: Debian, Fedora, SUSE, Alpine, macOS with Homebrew, the BSDs. */
const SYSTEM_BUNDLES = [
  '/etc/ssl/certs/ca-certificates.crt',
  '/etc/pki/tls/certs/ca-bundle.crt',
  '/etc/ssl/ca-bundle.pem',
  '/etc/ssl/cert.pem',
  '/opt/homebrew/etc/ca-certificates/cert.pem',
  '/usr/local/share/certs/ca-root-nss.crt',
] as const

/** A bundle that a variable names and that can not be used. */
export class CaBundleError extends Error {
  readonly variable: string

  constructor(variable: string, path: string, detail: string, options?: ErrorOptions) {
    super(`${variable} names ${path}, ${detail}: correct it or unset it`, options)
    this.name = 'CaBundleError'
    this.variable = variable
  }
}

/**
 * PEM text with the roots that this environment trusts, then the given certificate. The roots are those of the first
 * of SSL_CERT_FILE, REQUESTS_CA_BUNDLE and CURL_CA_BUNDLE that is set, else the system's, else Node's own; with what
 * NODE_EXTRA_CA_CERTS names. Other local authorities of ours are left out, since an environment may already be one of
 * ours. Rejects with {@link CaBundleError} when a variable names no readable bundle.
 */
export async function caBundle(
  certificatePem: string,
  environment: Readonly<Record<string, string | undefined>>,
): Promise<string> {
  const roots = (await namedBundle(environment)) ?? (await systemBundle()) ?? rootCertificates
  const extra = environment[EXTRA_VARIABLE] ? await readNamed(EXTRA_VARIABLE, environment[EXTRA_VARIABLE]) : []
  const blocks = new Set([...roots, ...extra].filter(isForeignCertificate))
  return [...blocks, certificatePem].map((block) => `${block.trim()}\n`).join('\n')
}

async function namedBundle(
  environment: Readonly<Record<string, string | undefined>>,
): Promise<readonly string[] | undefined> {
  for (const variable of BUNDLE_VARIABLES) {
    const path = environment[variable]
    if (path) return readNamed(variable, path)
  }
  return undefined
}

async function readNamed(variable: string, path: string): Promise<readonly string[]> {
  let text: string
  try {
    text = await readFile(path, 'utf8')
  } catch (cause) {
    throw new CaBundleError(variable, path, 'which can not be read', { cause })
  }
  const blocks = certificateBlocks(text)
  if (blocks.length === 0) throw new CaBundleError(variable, path, 'which holds no PEM certificate')
  return blocks
}

async function systemBundle(): Promise<readonly string[] | undefined> {
  for (const path of SYSTEM_BUNDLES) {
    try {
      const blocks = certificateBlocks(await readFile(path, 'utf8'))
      if (blocks.length > 0) return blocks
    } catch {
      // Not on this system: the next place, or Node's own roots.
    }
  }
  return undefined
}

/** The certificates in a PEM text, without the comments between them. */
export function certificateBlocks(pem: string): readonly string[] {
  const blocks = pem.match(/-----BEGIN (TRUSTED )?CERTIFICATE-----[^-]+-----END (TRUSTED )?CERTIFICATE-----/g) ?? []
  return blocks.filter((block) => !block.includes('TRUSTED')).map((block) => block.replaceAll('\r\n', '\n'))
}

/** Whether a block can be read, since one that can not makes OpenSSL refuse the bundle, and is no local authority. */
function isForeignCertificate(block: string): boolean {
  try {
    return !new X509Certificate(block).subject.split('\n').includes(`O=${SUBJECT_ORGANIZATION}`)
  } catch {
    return false
  }
}
