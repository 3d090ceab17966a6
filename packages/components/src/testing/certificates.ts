/** Certificates for the length of a test. */
import { generateKeyPairSync } from 'node:crypto'
import { isIP } from 'node:net'
import forge from 'node-forge'

export interface IssuedCertificate {
  readonly certificate: string
  /** PKCS#8 PEM. */
  readonly key: string
}

/** A self-signed certificate, which can sign others. */
export function selfSigned(commonName: string): IssuedCertificate {
  return issue([{ name: 'commonName', value: commonName }], [], undefined)
}

/** A server's certificate for `hosts`, names or addresses, signed by `authority`. */
export function signedBy(authority: IssuedCertificate, hosts: readonly string[]): IssuedCertificate {
  return issue([{ name: 'commonName', value: hosts[0] ?? 'localhost' }], hosts, authority)
}

/** A client's certificate: for Kubernetes its common name is the user and its organization a group. */
export function clientOf(authority: IssuedCertificate, commonName: string, organization: string): IssuedCertificate {
  return issue(
    [
      { name: 'organizationName', value: organization },
      { name: 'commonName', value: commonName },
    ],
    [],
    authority,
  )
}

let serial = 1

function issue(
  subject: forge.pki.CertificateField[],
  hosts: readonly string[],
  issuer: IssuedCertificate | undefined,
): IssuedCertificate {
  const { privateKey, publicKey } = generateKeyPairSync('rsa', {
    modulusLength: 2048,
    privateKeyEncoding: { type: 'pkcs8', format: 'pem' },
    publicKeyEncoding: { type: 'spki', format: 'pem' },
  })
  const certificate = forge.pki.createCertificate()
  certificate.publicKey = forge.pki.publicKeyFromPem(publicKey)
  certificate.serialNumber = `0${serial++}`
  certificate.validity.notBefore = new Date(Date.now() - 60_000)
  certificate.validity.notAfter = new Date(Date.now() + 3_600_000)
  certificate.setSubject(subject)
  certificate.setIssuer(issuer ? forge.pki.certificateFromPem(issuer.certificate).subject.attributes : subject)
  certificate.setExtensions([
    { name: 'basicConstraints', cA: issuer === undefined, critical: true },
    { name: 'subjectAltName', altNames: hosts.map(altName) },
  ])
  certificate.sign(forge.pki.privateKeyFromPem(issuer?.key ?? privateKey), forge.md.sha256.create())
  return { certificate: forge.pki.certificateToPem(certificate), key: privateKey }
}

/** DNS names are type 2, addresses type 7 (RFC 5280 section 4.2.1.6). */
function altName(host: string): object {
  return isIP(host) === 0 ? { type: 2, value: host } : { type: 7, ip: host }
}

/** A PFX file as old and new tools write it. */
export function pfx({ certificate, key }: IssuedCertificate, password: string, algorithm: '3des' | 'aes256'): Buffer {
  const asn1 = forge.pkcs12.toPkcs12Asn1(
    forge.pki.privateKeyFromPem(key),
    [forge.pki.certificateFromPem(certificate)],
    password,
    { algorithm },
  )
  return Buffer.from(forge.asn1.toDer(asn1).getBytes(), 'binary')
}
