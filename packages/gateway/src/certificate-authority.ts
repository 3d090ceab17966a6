/** The local certificate authority: kept on disk with its key sealed, it hands out TLS contexts for claimed hosts. */
import { chmod, mkdir, readFile, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { createSecureContext, type SecureContext } from 'node:tls'
import { writeFileAtomically } from './atomic-file.ts'
import {
  createAuthorityCertificate,
  createServerCertificate,
  exportPrivateKey,
  importPrivateKey,
  type KeyAndCertificate,
  parseCertificate,
  permittedSuffixesOf,
} from './certificate.ts'
import { CertificateAuthorityError } from './certificate-authority-error.ts'

const HOUR = 3_600_000
const DAY = 24 * HOUR
const AUTHORITY_LIFETIME = 730 * DAY
/** An authority with less than this left when it is opened is replaced. */
const AUTHORITY_RENEWAL = 30 * DAY
const SERVER_LIFETIME = 60 * DAY
/** Clients whose clock is a little behind still accept a certificate that was just made. */
const CLOCK_SKEW = HOUR
/** Certificates that are kept; beyond it the oldest goes, to be made again when it is asked for. */
const MAXIMUM_CONTEXTS = 256

const CERTIFICATE_FILE = 'ca.pem'
const SEALED_FILE = 'ca.sealed'

/** The local CA: constrained to the claimed suffixes, its private key readable by its owner only and sealed at rest. */
export interface CertificateAuthority {
  /** The CA's certificate, to be trusted by clients. */
  readonly certificatePem: string
  /** Where the certificate is kept, for the variables that want a file. */
  readonly certificatePath: string
  /**
   * A server certificate for the host (one per wildcard, made when first asked, renewed before it expires).
   * Rejects with {@link CertificateAuthorityError}: HOST_NOT_PERMITTED, EXPIRED.
   */
  secureContext(host: string): Promise<SecureContext>
  /** The same certificate with its key, for another process that answers for the host. */
  serverCertificate(host: string): Promise<ServerCertificate>
}

export interface ServerCertificate {
  /** The host's own name, or the wildcard that covers it. */
  readonly name: string
  readonly certificatePem: string
  readonly privateKeyPem: string
  /** When to ask for the next one; milliseconds since the epoch. */
  readonly renewAt: number
}

export interface CertificateAuthorityOptions {
  /** Where the certificate (`ca.pem`, mode 0644) and the sealed key (`ca.sealed`, mode 0600) are kept; made when missing. */
  readonly directory: string
  /** DNS suffixes the CA may sign for, at least one. */
  readonly permittedSuffixes: readonly string[]
  /** Milliseconds since the epoch. */
  readonly clock: () => number
  /** Encrypts the private key before it is written, and opens it. */
  readonly seal: (plaintext: Uint8Array) => Uint8Array
  readonly open: (sealed: Uint8Array) => Uint8Array
  /** Told when an authority is made or replaced, since clients then need the new certificate. */
  readonly log?: (level: 'info' | 'warn' | 'error', message: string, fields?: Record<string, unknown>) => void
}

/**
 * Opens the authority kept in the directory, or makes one there. One that expires within 30 days, or that may not
 * sign for a suffix that is asked for now, is replaced, which is logged. Rejects with {@link CertificateAuthorityError}:
 * KEY_NOT_OPENED, DAMAGED, FILE.
 */
export async function openCertificateAuthority(options: CertificateAuthorityOptions): Promise<CertificateAuthority> {
  const kept = await load(options)
  const reason = kept && replacementReason(kept, options)
  const authority = kept && !reason ? kept : await make(options, reason ?? 'none was there')
  return new LocalAuthority(authority, options)
}

/** Replaces the authority in the directory whatever its state, even one whose key does not open. */
export async function rotateCertificateAuthority(options: CertificateAuthorityOptions): Promise<CertificateAuthority> {
  return new LocalAuthority(await make(options, 'rotation was asked for'), options)
}

interface ServerContext {
  readonly context: SecureContext
  readonly certificate: ServerCertificate
}

class LocalAuthority implements CertificateAuthority {
  readonly certificatePem: string
  readonly certificatePath: string
  readonly #authority: KeyAndCertificate
  readonly #suffixes: ReadonlySet<string>
  readonly #clock: () => number
  /** By DNS name, wildcards included; oldest first. */
  readonly #contexts = new Map<string, Promise<ServerContext>>()

  constructor(authority: KeyAndCertificate, options: CertificateAuthorityOptions) {
    this.#authority = authority
    this.#suffixes = new Set(options.permittedSuffixes)
    this.#clock = options.clock
    this.certificatePem = pemOf(authority)
    this.certificatePath = join(options.directory, CERTIFICATE_FILE)
  }

  async secureContext(host: string): Promise<SecureContext> {
    return (await this.#contextFor(host)).context
  }

  async serverCertificate(host: string): Promise<ServerCertificate> {
    return (await this.#contextFor(host)).certificate
  }

  async #contextFor(host: string): Promise<ServerContext> {
    const name = this.#certificateName(host.toLowerCase())
    for (let kept = this.#contexts.get(name); kept; ) {
      const current = await kept
      if (this.#clock() < current.certificate.renewAt) return current
      const replacement = this.#contexts.get(name)
      if (replacement === kept) break
      kept = replacement
    }
    const made = this.#make(name)
    this.#contexts.delete(name)
    this.#contexts.set(name, made)
    // A failure is not remembered: the next handshake tries again.
    made.catch(() => this.#contexts.get(name) === made && this.#contexts.delete(name))
    for (const oldest of this.#contexts.keys()) {
      if (this.#contexts.size <= MAXIMUM_CONTEXTS) break
      this.#contexts.delete(oldest)
    }
    return await made
  }

  /** The host itself where it was claimed by its full name, else the wildcard beside it: one certificate per suffix. */
  #certificateName(host: string): string {
    if (this.#suffixes.has(host)) return host
    const parent = host.slice(host.indexOf('.') + 1)
    if (/^[a-z0-9_]([a-z0-9_-]*[a-z0-9_])?$/.test(host.slice(0, -parent.length - 1))) {
      for (let suffix = parent; ; suffix = suffix.slice(suffix.indexOf('.') + 1)) {
        if (this.#suffixes.has(suffix)) return `*.${parent}`
        if (!suffix.includes('.')) break
      }
    }
    throw new CertificateAuthorityError('HOST_NOT_PERMITTED', `the local authority may not sign for ${host}`)
  }

  async #make(name: string): Promise<ServerContext> {
    const now = this.#clock()
    const { notBefore, notAfter } = this.#authority.certificate
    if (now >= notAfter.getTime()) {
      throw new CertificateAuthorityError(
        'EXPIRED',
        `the local authority expired at ${notAfter.toISOString()}: restart`,
      )
    }
    const start = Math.max(now - CLOCK_SKEW, notBefore.getTime())
    const end = Math.min(now + SERVER_LIFETIME, notAfter.getTime())
    const server = await createServerCertificate(this.#authority, [name], new Date(start), new Date(end))
    const key = await exportPrivateKey(server.privateKey)
    const certificatePem = pemOf(server)
    const privateKeyPem = `-----BEGIN PRIVATE KEY-----\n${key.toString('base64')}\n-----END PRIVATE KEY-----\n`
    return {
      context: createSecureContext({ cert: certificatePem, key: privateKeyPem, minVersion: 'TLSv1.2' }),
      certificate: { name, certificatePem, privateKeyPem, renewAt: now + ((end - now) * 2) / 3 },
    }
  }
}

function pemOf({ certificate }: KeyAndCertificate): string {
  return `${certificate.toString('pem')}\n`
}

function replacementReason(kept: KeyAndCertificate, options: CertificateAuthorityOptions): string | undefined {
  const expires = kept.certificate.notAfter
  if (expires.getTime() - options.clock() < AUTHORITY_RENEWAL) return `the last one expires at ${expires.toISOString()}`
  const permitted = new Set(permittedSuffixesOf(kept.certificate))
  const missing = options.permittedSuffixes.filter((suffix) => !permitted.has(suffix))
  return missing.length > 0 ? `the last one may not sign for ${missing.join(', ')}` : undefined
}

async function make(options: CertificateAuthorityOptions, reason: string): Promise<KeyAndCertificate> {
  if (options.permittedSuffixes.length === 0) {
    throw new TypeError('a certificate authority without permitted suffixes could sign for every name')
  }
  const now = options.clock()
  const authority = await createAuthorityCertificate(
    options.permittedSuffixes,
    new Date(now - CLOCK_SKEW),
    new Date(now + AUTHORITY_LIFETIME),
  )
  await save(authority, options)
  options.log?.('info', 'made a local certificate authority: clients need its certificate', {
    reason,
    certificate: join(options.directory, CERTIFICATE_FILE),
    expires: authority.certificate.notAfter.toISOString(),
  })
  return authority
}

/**
 * Key and certificate go into one sealed file, so that a crash can not leave a key beside another key's
 * certificate. The certificate's own file is a copy for clients.
 */
async function save(authority: KeyAndCertificate, options: CertificateAuthorityOptions): Promise<void> {
  const key = await exportPrivateKey(authority.privateKey)
  const content = JSON.stringify({ certificate: pemOf(authority), key: key.toString('base64') })
  await onFiles('write', options.directory, async () => {
    await mkdir(options.directory, { recursive: true, mode: 0o700 })
    await writeFileAtomically(join(options.directory, SEALED_FILE), options.seal(Buffer.from(content)), 0o600)
    await writeFileAtomically(join(options.directory, CERTIFICATE_FILE), pemOf(authority), 0o644)
  })
}

async function load(options: CertificateAuthorityOptions): Promise<KeyAndCertificate | undefined> {
  const path = join(options.directory, SEALED_FILE)
  const sealed = await onFiles('read', options.directory, async () => {
    const bytes = await readUnlessMissing(path)
    // Sealed or not, the key stays its owner's, also after a copy or a restore that was careless with modes.
    if (bytes && ((await stat(path)).mode & 0o077) !== 0) await chmod(path, 0o600)
    return bytes
  })
  if (!sealed) return undefined
  const authority = await decode(openSealed(sealed, path, options), path)
  await onFiles('write', options.directory, async () => {
    const certificatePath = join(options.directory, CERTIFICATE_FILE)
    const copy = await readUnlessMissing(certificatePath)
    if (copy?.toString() !== pemOf(authority)) await writeFileAtomically(certificatePath, pemOf(authority), 0o644)
  })
  return authority
}

function openSealed(sealed: Uint8Array, path: string, options: CertificateAuthorityOptions): Uint8Array {
  try {
    return options.open(sealed)
  } catch (cause) {
    throw new CertificateAuthorityError(
      'KEY_NOT_OPENED',
      `${path} does not open with this master key: give the master key it was sealed with, or make a new authority with "keystead ca rotate"`,
      { cause },
    )
  }
}

async function decode(plaintext: Uint8Array, path: string): Promise<KeyAndCertificate> {
  try {
    const content: unknown = JSON.parse(Buffer.from(plaintext).toString())
    if (!isSealedContent(content)) throw new TypeError('certificate and key expected')
    const certificate = parseCertificate(content.certificate)
    const privateKey = await importPrivateKey(new Uint8Array(Buffer.from(content.key, 'base64')))
    return { certificate, privateKey }
  } catch {
    // The cause is left out: a parser's message may quote what it could not parse, which is the key.
    throw new CertificateAuthorityError(
      'DAMAGED',
      `${path} holds no usable certificate authority: restore it from a backup, or make a new one with "keystead ca rotate"`,
    )
  }
}

function isSealedContent(value: unknown): value is { certificate: string; key: string } {
  return (
    typeof value === 'object' &&
    value !== null &&
    'certificate' in value &&
    typeof value.certificate === 'string' &&
    'key' in value &&
    typeof value.key === 'string'
  )
}

async function readUnlessMissing(path: string): Promise<Buffer | undefined> {
  try {
    return await readFile(path)
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return undefined
    throw error
  }
}

async function onFiles<T>(verb: 'read' | 'write', directory: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work()
  } catch (cause) {
    const detail = cause instanceof Error ? cause.message : String(cause)
    throw new CertificateAuthorityError(
      'FILE',
      `can not ${verb} the certificate authority in ${directory}: ${detail}`,
      {
        cause,
      },
    )
  }
}
