/** Throwaway certificates for tests. */
// @peculiar/x509 wants this before it is loaded.
import 'reflect-metadata'
import { webcrypto } from 'node:crypto'
import * as x509 from '@peculiar/x509'

const algorithm = {
  name: 'RSASSA-PKCS1-v1_5',
  hash: 'SHA-256',
  publicExponent: new Uint8Array([1, 0, 1]),
  modulusLength: 2048,
}

export interface TestCertificate {
  readonly certificatePem: string
  readonly privateKeyPem: string
  /** Base64url of the DER's SHA-1. */
  readonly x5t: string
  /** Base64url of the DER's SHA-256. */
  readonly x5tS256: string
}

export async function makeCertificate(
  options: { readonly notAfter?: Date; readonly dnsName?: string; readonly bits?: number } = {},
): Promise<TestCertificate> {
  const keys = await webcrypto.subtle.generateKey({ ...algorithm, modulusLength: options.bits ?? 2048 }, true, [
    'sign',
    'verify',
  ])
  const certificate = await x509.X509CertificateGenerator.createSelfSigned(
    {
      name: `CN=${options.dnsName ?? 'test'}`,
      keys,
      signingAlgorithm: algorithm,
      notBefore: new Date(Date.now() - 24 * 3600 * 1000),
      notAfter: options.notAfter ?? new Date(Date.now() + 24 * 3600 * 1000),
      extensions: options.dnsName
        ? [new x509.SubjectAlternativeNameExtension([{ type: 'dns', value: options.dnsName }])]
        : [],
    },
    webcrypto,
  )
  const pkcs8 = await webcrypto.subtle.exportKey('pkcs8', keys.privateKey)
  return {
    certificatePem: certificate.toString('pem'),
    privateKeyPem: x509.PemConverter.encode(pkcs8, 'PRIVATE KEY'),
    x5t: Buffer.from(await certificate.getThumbprint('SHA-1', webcrypto)).toString('base64url'),
    x5tS256: Buffer.from(await certificate.getThumbprint('SHA-256', webcrypto)).toString('base64url'),
  }
}
