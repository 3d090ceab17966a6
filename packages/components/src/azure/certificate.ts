/** Reads a service principal's certificate, PFX or PEM, into the one PEM text that the SDK takes; nothing is written to disk. */
import { createPrivateKey, type KeyObject, X509Certificate } from 'node:crypto'
import { ComponentError } from '../component-error.ts'

/**
 * Certificate followed by its RSA private key (PKCS#8).
 * @param password of the PFX, possibly empty; a PEM needs none
 * @throws ComponentError with Go's words; never a part of the key
 */
export async function certificatePem(data: Uint8Array, password: string): Promise<string> {
  const pem = (await fromPkcs12(data, password)) ?? fromPem(Buffer.from(data).toString('latin1'))
  if (pem === undefined) {
    throw new ComponentError('failed to decode pkcs12 certificate while creating spt: certificate is not valid')
  }
  return pem
}

/** node-forge reads the old RC2 and 3DES encryptions that most PFX files have, and the new AES one; Node's own crypto gives no key out of a PFX. */
async function fromPkcs12(data: Uint8Array, password: string): Promise<string | undefined> {
  if (data[0] !== 0x30) return undefined
  const { default: forge } = await import('node-forge')
  try {
    const asn1 = forge.asn1.fromDer(forge.util.createBuffer(Buffer.from(data).toString('binary')))
    const pfx = forge.pkcs12.pkcs12FromAsn1(asn1, password)
    const { certBag, pkcs8ShroudedKeyBag, keyBag } = forge.pki.oids
    const bags = (type: string | undefined) => (type === undefined ? [] : (pfx.getBags({ bagType: type })[type] ?? []))
    const key = [...bags(pkcs8ShroudedKeyBag), ...bags(keyBag)].at(0)?.key
    if (!key) return undefined
    const keyPem = forge.pki.privateKeyToPem(key)
    const certificates = bags(certBag).flatMap(({ cert }) => (cert ? [forge.pki.certificateToPem(cert)] : []))
    return matching(certificates, createPrivateKey(keyPem))
  } catch {
    return undefined
  }
}

function fromPem(text: string): string | undefined {
  const block = (label: string): string[] =>
    text.match(new RegExp(`-----BEGIN ${label}-----[^-]+-----END ${label}-----`, 'g')) ?? []
  try {
    const key = [...block('PRIVATE KEY'), ...block('RSA PRIVATE KEY')].at(0)
    return key === undefined ? undefined : matching(block('CERTIFICATE'), createPrivateKey(key))
  } catch {
    return undefined
  }
}

/** A PFX may hold the chain too; the certificate wanted is the key's own. */
function matching(certificates: readonly string[], key: KeyObject): string | undefined {
  if (key.asymmetricKeyType !== 'rsa') return undefined
  const certificate = certificates.find((pem) => new X509Certificate(pem).checkPrivateKey(key))
  return certificate && `${certificate.trim()}\n${key.export({ type: 'pkcs8', format: 'pem' })}`
}
