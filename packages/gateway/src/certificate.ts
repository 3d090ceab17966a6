/** Makes the X.509 certificates of the local authority: RFC 5280 profiles for the authority itself, then for a server. */
import 'reflect-metadata'
import { randomBytes, webcrypto } from 'node:crypto'
import { AsnConvert } from '@peculiar/asn1-schema'
import {
  GeneralName,
  GeneralSubtree,
  GeneralSubtrees,
  id_ce_nameConstraints,
  NameConstraints,
} from '@peculiar/asn1-x509'
import {
  AuthorityKeyIdentifierExtension,
  BasicConstraintsExtension,
  ExtendedKeyUsage,
  ExtendedKeyUsageExtension,
  Extension,
  KeyUsageFlags,
  KeyUsagesExtension,
  SubjectAlternativeNameExtension,
  SubjectKeyIdentifierExtension,
  X509Certificate,
  X509CertificateGenerator,
} from '@peculiar/x509'

const KEY_ALGORITHM = { name: 'ECDSA', namedCurve: 'P-256' } as const
const SIGNATURE_ALGORITHM = { name: 'ECDSA', hash: 'SHA-256' } as const

/** The organization in the subject of every certificate made here: how a bundle recognises one of ours. */
export const SUBJECT_ORGANIZATION = 'Keystead'

export interface KeyAndCertificate {
  readonly certificate: X509Certificate
  readonly privateKey: webcrypto.CryptoKey
}

/**
 * A self-signed authority that clients can trust without giving it the rest of the internet: it may sign for
 * the suffixes and what is below them, for servers only, and for no IP address (RFC 5280 section 4.2.1.10).
 */
export async function createAuthorityCertificate(
  permittedSuffixes: readonly string[],
  notBefore: Date,
  notAfter: Date,
): Promise<KeyAndCertificate> {
  const keys = await generateKeyPair()
  const certificate = await X509CertificateGenerator.createSelfSigned(
    {
      serialNumber: randomSerialNumber(),
      // Each authority has its own name: with one name for all, a client that still holds an older one would
      // report a bad signature instead of an unknown issuer.
      name: `O=${SUBJECT_ORGANIZATION}, CN=Keystead local CA ${randomBytes(4).toString('hex')}`,
      notBefore,
      notAfter,
      keys,
      signingAlgorithm: SIGNATURE_ALGORITHM,
      extensions: [
        new BasicConstraintsExtension(true, 0, true),
        new KeyUsagesExtension(KeyUsageFlags.keyCertSign | KeyUsageFlags.cRLSign, true),
        new ExtendedKeyUsageExtension([ExtendedKeyUsage.serverAuth]),
        nameConstraintsExtension(permittedSuffixes),
        await SubjectKeyIdentifierExtension.create(keys.publicKey),
        await AuthorityKeyIdentifierExtension.create(keys.publicKey),
      ],
    },
    webcrypto,
  )
  return { certificate, privateKey: keys.privateKey }
}

/** A server certificate for the DNS names, which are in the subject alternative name only (RFC 9110 section 4.3.4). */
export async function createServerCertificate(
  authority: KeyAndCertificate,
  dnsNames: readonly string[],
  notBefore: Date,
  notAfter: Date,
): Promise<KeyAndCertificate> {
  const keys = await generateKeyPair()
  const certificate = await X509CertificateGenerator.create(
    {
      serialNumber: randomSerialNumber(),
      subject: `O=${SUBJECT_ORGANIZATION}`,
      issuer: authority.certificate.subjectName,
      notBefore,
      notAfter,
      publicKey: keys.publicKey,
      signingKey: authority.privateKey,
      signingAlgorithm: SIGNATURE_ALGORITHM,
      extensions: [
        new BasicConstraintsExtension(false, undefined, true),
        new KeyUsagesExtension(KeyUsageFlags.digitalSignature, true),
        new ExtendedKeyUsageExtension([ExtendedKeyUsage.serverAuth]),
        new SubjectAlternativeNameExtension(dnsNames.map((value) => ({ type: 'dns', value }))),
        await SubjectKeyIdentifierExtension.create(keys.publicKey),
        await AuthorityKeyIdentifierExtension.create(authority.certificate.publicKey),
      ],
    },
    webcrypto,
  )
  return { certificate, privateKey: keys.privateKey }
}

/** The DNS suffixes that a certificate's name constraints permit; empty without constraints. */
export function permittedSuffixesOf(certificate: X509Certificate): readonly string[] {
  const extension = certificate.getExtension(id_ce_nameConstraints)
  if (!extension) return []
  const subtrees = AsnConvert.parse(extension.value, NameConstraints).permittedSubtrees ?? []
  return [...subtrees].flatMap(({ base }) => (base.dNSName === undefined ? [] : [base.dNSName]))
}

/** PKCS #8, DER. */
export async function exportPrivateKey(key: webcrypto.CryptoKey): Promise<Buffer> {
  return Buffer.from(await webcrypto.subtle.exportKey('pkcs8', key))
}

/** Reads a PKCS #8 P-256 key, usable for signing. Rejects with a DOMException when it is not one. */
export async function importPrivateKey(pkcs8: Uint8Array<ArrayBuffer>): Promise<webcrypto.CryptoKey> {
  return webcrypto.subtle.importKey('pkcs8', pkcs8, KEY_ALGORITHM, true, ['sign'])
}

export function parseCertificate(pem: string): X509Certificate {
  return new X509Certificate(pem)
}

function generateKeyPair(): Promise<webcrypto.CryptoKeyPair> {
  return webcrypto.subtle.generateKey(KEY_ALGORITHM, true, ['sign', 'verify'])
}

/** 127 random bits, positive, as RFC 5280 section 4.1.2.2 wants it. */
function randomSerialNumber(): string {
  const bytes = randomBytes(16)
  bytes[0] = ((bytes[0] ?? 0) & 0x7f) | 0x40
  return bytes.toString('hex')
}

function nameConstraintsExtension(permittedSuffixes: readonly string[]): Extension {
  const subtrees = (names: GeneralName[]) => new GeneralSubtrees(names.map((base) => new GeneralSubtree({ base })))
  const permittedSubtrees = subtrees(permittedSuffixes.map((dNSName) => new GeneralName({ dNSName })))
  // Permitted DNS names say nothing about addresses, so every IPv4 and IPv6 address is excluded.
  const excludedSubtrees = subtrees(['0.0.0.0/0', '::/0'].map((iPAddress) => new GeneralName({ iPAddress })))
  const value = AsnConvert.serialize(new NameConstraints({ permittedSubtrees, excludedSubtrees }))
  return new Extension(id_ce_nameConstraints, true, value)
}
