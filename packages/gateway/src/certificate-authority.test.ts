import { execFile } from 'node:child_process'
import { createCipheriv, createDecipheriv, randomBytes, type X509Certificate } from 'node:crypto'
import { chmod, mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { connect, createServer, type SecureContext, type TLSSocket } from 'node:tls'
import { promisify } from 'node:util'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import {
  type CertificateAuthorityOptions,
  openCertificateAuthority,
  rotateCertificateAuthority,
} from './certificate-authority.ts'

const run = promisify(execFile)
const DAY = 86_400_000
const SUFFIXES = ['vault.azure.net', 'login.microsoftonline.com', 'keystead.localhost']

let directory: string
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'ca-'))
})
afterEach(() => rm(directory, { recursive: true }))

const masterKey = randomBytes(32)

function options(overrides: Partial<CertificateAuthorityOptions> = {}): CertificateAuthorityOptions {
  return {
    directory,
    permittedSuffixes: SUFFIXES,
    clock: Date.now,
    seal: (plaintext) => seal(plaintext, masterKey),
    open: (sealed) => unseal(sealed, masterKey),
    ...overrides,
  }
}

function seal(plaintext: Uint8Array, key: Buffer): Buffer {
  const nonce = randomBytes(12)
  const cipher = createCipheriv('aes-256-gcm', key, nonce)
  const body = Buffer.concat([cipher.update(plaintext), cipher.final()])
  return Buffer.concat([nonce, cipher.getAuthTag(), body])
}

function unseal(sealed: Uint8Array, key: Buffer): Buffer {
  const decipher = createDecipheriv('aes-256-gcm', key, sealed.subarray(0, 12))
  decipher.setAuthTag(sealed.subarray(12, 28))
  return Buffer.concat([decipher.update(sealed.subarray(28)), decipher.final()])
}

/** The certificate a context shows to a client that trusts the authority. */
async function serverCertificate(context: SecureContext, ca: string, servername: string): Promise<X509Certificate> {
  const server = createServer({ SNICallback: (_name, callback) => callback(null, context) }, (socket) => socket.end())
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const address = server.address()
  if (address === null || typeof address === 'string') throw new Error('no port')
  try {
    return await new Promise<X509Certificate>((resolve, reject) => {
      const socket: TLSSocket = connect({ port: address.port, host: '127.0.0.1', ca, servername }, () => {
        const certificate = socket.getPeerX509Certificate()
        socket.destroy()
        if (certificate) resolve(certificate)
        else reject(new Error('no certificate'))
      })
      socket.once('error', reject)
    })
  } finally {
    server.close()
  }
}

describe('what it signs', () => {
  test.each([
    ['kv1.vault.azure.net', '*.vault.azure.net'],
    ['login.microsoftonline.com', 'login.microsoftonline.com'],
    ['kv1.vault.keystead.localhost', '*.vault.keystead.localhost'],
    ['login.keystead.localhost', '*.keystead.localhost'],
  ])('%s gets a certificate for %s, in the subject alternative name only', async (host, name) => {
    const authority = await openCertificateAuthority(options())
    const context = await authority.secureContext(host)
    const certificate = await serverCertificate(context, authority.certificatePem, host)
    expect(certificate.subjectAltName).toBe(`DNS:${name}`)
    expect(certificate.subject).toBe('O=Keystead')
    expect(certificate.validToDate.getTime() - certificate.validFromDate.getTime()).toBeLessThanOrEqual(90 * DAY)
  })

  test('openssl verifies authority and server strictly, and refuses a name outside the constraints', async () => {
    const authority = await openCertificateAuthority(options())
    const context = await authority.secureContext('kv1.vault.azure.net')
    const certificate = await serverCertificate(context, authority.certificatePem, 'kv1.vault.azure.net')
    const leaf = join(directory, 'leaf.pem')
    await writeFile(leaf, certificate.toString())
    const verify = (...more: string[]) =>
      run('openssl', ['verify', '-x509_strict', '-CAfile', authority.certificatePath, ...more])
    expect((await verify(authority.certificatePath)).stdout).toContain('OK')
    expect((await verify('-purpose', 'sslserver', '-verify_hostname', 'kv1.vault.azure.net', leaf)).stdout).toContain(
      'OK',
    )
    await expect(verify('-verify_hostname', 'example.com', leaf)).rejects.toThrow()
    const { stdout } = await run('openssl', ['x509', '-in', authority.certificatePath, '-noout', '-text'])
    for (const expected of [
      /Basic Constraints: critical\s+CA:TRUE, pathlen:0/,
      /X509v3 Key Usage: critical\s+Certificate Sign, CRL Sign/,
      /Name Constraints: critical/,
      /DNS:vault\.azure\.net/,
      /Excluded:\s+IP:0\.0\.0\.0\/0\.0\.0\.0\s+IP:0:0:0:0:0:0:0:0\/0:0:0:0:0:0:0:0/,
      /Subject Key Identifier/,
      /Authority Key Identifier/,
      /Public-Key: \(256 bit\)/,
    ]) {
      expect(stdout).toMatch(expected)
    }
  })

  test.each([
    'example.com',
    'vault.azure.net.example.com',
    'evilvault.azure.net',
    '*.vault.azure.net',
    '',
    'localhost',
  ])('refuses to sign for %j', async (host) => {
    const authority = await openCertificateAuthority(options())
    await expect(authority.secureContext(host)).rejects.toMatchObject({ code: 'HOST_NOT_PERMITTED' })
  })

  test('a certificate is made once per wildcard, also when asked for at the same time', async () => {
    const authority = await openCertificateAuthority(options())
    const [first, second] = await Promise.all([
      authority.secureContext('a.vault.azure.net'),
      authority.secureContext('B.vault.azure.net'),
    ])
    expect(second).toBe(first)
    expect(await authority.secureContext('c.vault.azure.net')).toBe(first)
  })

  test('a certificate is renewed before it expires', async () => {
    let now = Date.now()
    const authority = await openCertificateAuthority(options({ clock: () => now }))
    const first = await authority.secureContext('a.vault.azure.net')
    now += 39 * DAY
    expect(await authority.secureContext('a.vault.azure.net')).toBe(first)
    now += 2 * DAY
    expect(await authority.secureContext('a.vault.azure.net')).not.toBe(first)
  })

  test('a running authority that has expired says so', async () => {
    let now = Date.now()
    const authority = await openCertificateAuthority(options({ clock: () => now }))
    now += 731 * DAY
    await expect(authority.secureContext('a.vault.azure.net')).rejects.toMatchObject({ code: 'EXPIRED' })
  })

  test('an authority that could sign for every name is not made', async () => {
    await expect(openCertificateAuthority(options({ permittedSuffixes: [] }))).rejects.toThrow(TypeError)
  })
})

describe('what it keeps', () => {
  test('is the same authority after a restart', async () => {
    const first = await openCertificateAuthority(options())
    const second = await openCertificateAuthority(options())
    expect(second.certificatePem).toBe(first.certificatePem)
    await second.secureContext('kv1.vault.azure.net')
  })

  test('the key is sealed and its owner’s only, the certificate is for everybody, and nothing else is left', async () => {
    const plaintexts: Buffer[] = []
    const authority = await openCertificateAuthority(
      options({
        seal: (plaintext) => {
          plaintexts.push(Buffer.from(plaintext))
          return seal(plaintext, masterKey)
        },
      }),
    )
    expect((await readdir(directory)).sort()).toEqual(['ca.pem', 'ca.sealed'])
    expect((await stat(join(directory, 'ca.sealed'))).mode & 0o777).toBe(0o600)
    expect((await stat(join(directory, 'ca.pem'))).mode & 0o777).toBe(0o644)
    expect(await readFile(join(directory, 'ca.pem'), 'utf8')).toBe(authority.certificatePem)
    const { key } = JSON.parse(plaintexts[0]?.toString() ?? '') as { key: string }
    const onDisk = await readFile(join(directory, 'ca.sealed'))
    expect(onDisk.includes(Buffer.from(key, 'base64').subarray(-40))).toBe(false)
    expect(onDisk.includes(key.slice(-40))).toBe(false)
  })

  test('a key file that others could read is made private again', async () => {
    await openCertificateAuthority(options())
    await chmod(join(directory, 'ca.sealed'), 0o644)
    await openCertificateAuthority(options())
    expect((await stat(join(directory, 'ca.sealed'))).mode & 0o777).toBe(0o600)
  })

  test('a certificate file that was changed or removed is written again', async () => {
    const first = await openCertificateAuthority(options())
    await writeFile(first.certificatePath, 'something else')
    await openCertificateAuthority(options())
    expect(await readFile(first.certificatePath, 'utf8')).toBe(first.certificatePem)
    await rm(first.certificatePath)
    await openCertificateAuthority(options())
    expect(await readFile(first.certificatePath, 'utf8')).toBe(first.certificatePem)
  })

  test('a wrong master key is named, and nothing is replaced', async () => {
    const first = await openCertificateAuthority(options())
    const other = randomBytes(32)
    await expect(openCertificateAuthority(options({ open: (sealed) => unseal(sealed, other) }))).rejects.toMatchObject({
      name: 'CertificateAuthorityError',
      code: 'KEY_NOT_OPENED',
    })
    expect((await openCertificateAuthority(options())).certificatePem).toBe(first.certificatePem)
  })

  test.each([
    ['not JSON', 'secret-key-material'],
    ['the wrong shape', '{"key":1}'],
    ['a broken key', JSON.stringify({ certificate: 'x', key: 'secret-key-material' })],
  ])('a sealed file with %s inside is called damaged, without showing it', async (_name, content) => {
    await writeFile(join(directory, 'ca.sealed'), seal(Buffer.from(content), masterKey))
    const error: unknown = await openCertificateAuthority(options()).catch((reason: unknown) => reason)
    expect(error).toMatchObject({ code: 'DAMAGED' })
    expect(String(error)).not.toContain('secret-key-material')
  })

  test('a truncated sealed file does not open', async () => {
    await writeFile(join(directory, 'ca.sealed'), '')
    await expect(openCertificateAuthority(options())).rejects.toMatchObject({ code: 'KEY_NOT_OPENED' })
  })

  test('a directory that can not be made is a file error', async () => {
    const file = join(directory, 'file')
    await writeFile(file, '')
    await expect(openCertificateAuthority(options({ directory: join(file, 'ca') }))).rejects.toMatchObject({
      code: 'FILE',
    })
  })

  test.each([
    ['expires soon', { later: 701 * DAY, suffixes: SUFFIXES }],
    ['may not sign for a new suffix', { later: 0, suffixes: [...SUFFIXES, 'azurecr.io'] }],
  ])('an authority that %s is replaced with a log line', async (_name, { later, suffixes }) => {
    const first = await openCertificateAuthority(options())
    const lines: string[] = []
    const second = await openCertificateAuthority(
      options({
        clock: () => Date.now() + later,
        permittedSuffixes: suffixes,
        log: (level, message, fields) => lines.push(`${level} ${message} ${JSON.stringify(fields)}`),
      }),
    )
    expect(second.certificatePem).not.toBe(first.certificatePem)
    expect(lines).toHaveLength(1)
    expect(lines[0]).toMatch(/the last one (expires at|may not sign for azurecr\.io)/)
  })

  test('rotation makes a new one even when the old key does not open', async () => {
    await writeFile(join(directory, 'ca.sealed'), 'unreadable')
    const rotated = await rotateCertificateAuthority(options())
    expect((await openCertificateAuthority(options())).certificatePem).toBe(rotated.certificatePem)
  })
})
