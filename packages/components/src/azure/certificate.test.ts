import { createPrivateKey, generateKeyPairSync, X509Certificate } from 'node:crypto'
import { describe, expect, it } from 'vitest'
import { pfx, selfSigned, signedBy } from '../testing/certificates.ts'
import { certificatePem } from './certificate.ts'

const issued = selfSigned('an application')
const refusal = 'failed to decode pkcs12 certificate while creating spt: certificate is not valid'

function isPair(pem: string): boolean {
  return new X509Certificate(pem).checkPrivateKey(createPrivateKey(pem))
}

describe('a service principal certificate', () => {
  it.each(['3des', 'aes256'] as const)('is read from a PFX with %s', async (algorithm) => {
    expect(isPair(await certificatePem(pfx(issued, 'a password', algorithm), 'a password'))).toBe(true)
  })

  it('is read from a PFX without a password', async () => {
    expect(isPair(await certificatePem(pfx(issued, '', '3des'), ''))).toBe(true)
  })

  it('is read from a PEM in either order, with either kind of key', async () => {
    const { key, certificate } = issued
    const pkcs1 = createPrivateKey(key).export({ type: 'pkcs1', format: 'pem' }).toString()
    for (const pem of [key + certificate, certificate + key, certificate + pkcs1]) {
      expect(isPair(await certificatePem(Buffer.from(pem), ''))).toBe(true)
    }
  })

  it('is the one of the key where its authority comes along', async () => {
    const leaf = signedBy(issued, ['an application'])
    const pem = await certificatePem(Buffer.from(issued.certificate + leaf.certificate + leaf.key), '')
    expect(isPair(pem)).toBe(true)
  })

  it.each([
    ['a wrong password', () => pfx(issued, 'right', 'aes256'), 'wrong'],
    ['junk', () => Buffer.from('junk'), ''],
    ['cut off', () => pfx(issued, '', '3des').subarray(0, 200), ''],
    ['nothing', () => Buffer.alloc(0), ''],
    ['a certificate alone', () => Buffer.from(issued.certificate), ''],
    ['a key alone', () => Buffer.from(issued.key), ''],
    ['the key of another', () => Buffer.from(issued.certificate + selfSigned('another').key), ''],
    ['a key that is not RSA', () => Buffer.from(issued.certificate + ecKey()), ''],
  ])('is refused: %s', async (_what, data, password) => {
    await expect(certificatePem(data(), password)).rejects.toThrow(refusal)
  })
})

function ecKey(): string {
  return generateKeyPairSync('ec', { namedCurve: 'P-256' })
    .privateKey.export({ type: 'pkcs8', format: 'pem' })
    .toString()
}
