/** Certificates for the length of a test. */
import { generateKeyPairSync } from 'node:crypto'
import forge from 'node-forge'

export interface IssuedCertificate {
  readonly certificate: string
  /** PKCS#8 PEM. */
  readonly key: string
}

/** A self-signed certificate, which can sign others. */
export function selfSigned(commonName: string): IssuedCertificate {
  return issue(commonName, [], undefined)
}

/** A server's certificate for `hosts`, signed by `authority`. */
export function signedBy(authority: IssuedCertificate, hosts: readonly string[]): IssuedCertificate {
  return issue(hosts[0] ?? 'localhost', hosts, authority)
}

let serial = 1

function issue(commonName: string, hosts: readonly string[], issuer: IssuedCertificate | undefined): IssuedCertificate {
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
  const subject = [{ name: 'commonName', value: commonName }]
  certificate.setSubject(subject)
  certificate.setIssuer(issuer ? forge.pki.certificateFromPem(issuer.certificate).subject.attributes : subject)
  certificate.setExtensions([
    { name: 'basicConstraints', cA: issuer === undefined, critical: true },
    { name: 'subjectAltName', altNames: hosts.map((value) => ({ type: 2, value })) },
  ])
  certificate.sign(forge.pki.privateKeyFromPem(issuer?.key ?? privateKey), forge.md.sha256.create())
  return { certificate: forge.pki.certificateToPem(certificate), key: privateKey }
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
