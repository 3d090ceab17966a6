import { createCipheriv } from 'node:crypto'
import { describe, expect, it } from 'vitest'
import type { MetadataItem } from '../loading/component.ts'
import { stateCipher } from './state-encryption.ts'

const keyA = 'aa'.repeat(16)
const keyB = 'bb'.repeat(32)
const key = (field: string, name: string, value?: string): MetadataItem => ({
  name: `${field}EncryptionKey`,
  secretKeyRef: { name, key: '' },
  ...(value !== undefined && { value }),
})
const cipher = (...items: MetadataItem[]) => {
  const made = stateCipher(items, 'orders')
  if (made === undefined) throw new Error('the store is not encrypted')
  return made
}
const text = (bytes: Uint8Array) => Buffer.from(bytes).toString()

describe('an encrypted value', () => {
  it('is base64 of nonce, ciphertext and tag, and the name of its key', () => {
    const sealed = text(cipher(key('primary', 'k1', keyA)).encrypt(Buffer.from('hello')))
    const [data = '', name] = sealed.split('||')
    expect(name).toBe('k1')
    expect(Buffer.from(data, 'base64')).toHaveLength(12 + 5 + 16)
    expect(sealed).not.toContain('hello')
  })

  it('as AES-GCM makes it elsewhere is read', () => {
    const nonce = Buffer.alloc(12, 7)
    const gcm = createCipheriv('aes-256-gcm', Buffer.from(keyB, 'hex'), nonce)
    const sealed = Buffer.concat([nonce, gcm.update('grüße'), gcm.final(), gcm.getAuthTag()])
    const value = Buffer.from(`${sealed.toString('base64')}||k2`)
    expect(text(cipher(key('primary', 'k2', keyB)).decrypt(value))).toBe('grüße')
  })

  it('is read after the primary key became the secondary one, and written with the new key', () => {
    const before = cipher(key('primary', 'k1', keyA))
    const after = cipher(key('primary', 'k2', keyB), key('secondary', 'k1', keyA))
    expect(text(after.decrypt(before.encrypt(Buffer.from('old'))))).toBe('old')
    const written = after.encrypt(Buffer.from('new'))
    expect(text(written)).toMatch(/\|\|k2$/)
    expect(() => before.decrypt(written)).toThrow(/no encryption key of the name k2/)
  })

  it('is read with whichever key fits where both are fields of one secret', () => {
    const before = cipher(key('primary', 'keys', keyA))
    const after = cipher(key('primary', 'keys', keyB), key('secondary', 'keys', keyA))
    expect(text(after.decrypt(before.encrypt(Buffer.from('old'))))).toBe('old')
  })

  it.each([
    ['a value in the clear', '{"a":1}', /encryption key name not found on record/],
    ['a value of an unknown key', 'AAAA||other', /no encryption key of the name other/],
    ['a value that was cut', 'AAAA||k1', /the record is too short/],
    ['a value that was changed', `${Buffer.alloc(40).toString('base64')}||k1`, /message authentication failed/],
  ])('refuses %s', (_name, value, message) => {
    expect(() => cipher(key('primary', 'k1', keyA)).decrypt(Buffer.from(value))).toThrow(message)
  })
})

describe('keys', () => {
  it('are not needed', () => {
    expect(stateCipher([{ name: 'redisHost', value: 'localhost' }], 'orders')).toBeUndefined()
  })

  it.each<[string, MetadataItem, RegExp]>([
    ['that are no reference', { name: 'primaryEncryptionKey', value: keyA }, /secretKeyRef cannot be empty/],
    ['that could not be had', key('primary', 'k1'), /encryption key cannot be empty/],
    ['that are not hexadecimal', key('primary', 'k1', 'hunter2!'), /^encoding\/hex: invalid byte$/],
    ['of an odd length', key('primary', 'k1', 'abc'), /odd length hex string/],
    ['of another size', key('primary', 'k1', 'abcd'), /invalid key size 2/],
    ['that are secondary only', key('secondary', 'k1', keyA), /primaryEncryptionKey is missing/],
  ])('%s keep the component from loading', (_name, item, message) => {
    expect(() => stateCipher([item], 'orders')).toThrow(message)
  })
})
