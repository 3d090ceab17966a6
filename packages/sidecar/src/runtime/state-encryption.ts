/** Encrypts a state store's values in the sidecar, with keys from a secret store (pkg/encryption). */
import { createCipheriv, createDecipheriv, randomBytes } from 'node:crypto'
import type { MetadataItem } from '../loading/component.ts'

/** A value is kept as `base64(nonce, ciphertext, tag)||name of the key`. */
export interface StateCipher {
  /** With the primary key. */
  encrypt(value: Uint8Array): Uint8Array
  /** With the key whose name the value holds. Throws an Error with a reason that shows nothing of value or key. */
  decrypt(value: Uint8Array): Uint8Array
}

interface Key {
  readonly name: string
  readonly bytes: Buffer
}

const separator = '||'
const nonceLength = 12
const tagLength = 16

/**
 * The cipher for a component's `primaryEncryptionKey` and `secondaryEncryptionKey`, each hexadecimal and of 16, 24 or 32
 * bytes; undefined where it names none. Throws where it names one that can not be had: daprd then keeps values in the
 * clear in some cases, this sidecar never.
 */
export function stateCipher(items: readonly MetadataItem[], store: string): StateCipher | undefined {
  const primary = readKey(items, 'primaryEncryptionKey')
  const secondary = readKey(items, 'secondaryEncryptionKey')
  if (primary === undefined) {
    if (secondary !== undefined) throw new Error(`${failed}: primaryEncryptionKey is missing`)
    return undefined
  }
  const keys = secondary === undefined ? [primary] : [primary, secondary]
  return { encrypt: (value) => encrypt(value, primary), decrypt: (value) => decrypt(value, keys, store) }
}

const failed = 'failed to extract encryption key'

function readKey(items: readonly MetadataItem[], field: string): Key | undefined {
  const item = items.find(({ name }) => name.toLowerCase() === field.toLowerCase())
  if (item === undefined) return undefined
  // Its name is written beside each value, so a key that has none could never be found again.
  if (!item.secretKeyRef?.name) throw new Error(`${failed}: ${failed}: secretKeyRef cannot be empty`)
  if (!item.value) throw new Error(`${failed}: ${failed}: encryption key cannot be empty`)
  if (!/^[0-9a-fA-F]*$/.test(item.value)) throw new Error('encoding/hex: invalid byte')
  if (item.value.length % 2 === 1) throw new Error('encoding/hex: odd length hex string')
  const bytes = Buffer.from(item.value, 'hex')
  if (![16, 24, 32].includes(bytes.length)) throw new Error(`crypto/aes: invalid key size ${bytes.length}`)
  return { name: item.secretKeyRef.name, bytes }
}

type Algorithm = 'aes-128-gcm' | 'aes-192-gcm' | 'aes-256-gcm'

function algorithm({ bytes }: Key): Algorithm {
  return `aes-${(bytes.length * 8) as 128 | 192 | 256}-gcm`
}

function encrypt(value: Uint8Array, key: Key): Uint8Array {
  const nonce = randomBytes(nonceLength)
  const cipher = createCipheriv(algorithm(key), key.bytes, nonce)
  const sealed = Buffer.concat([nonce, cipher.update(value), cipher.final(), cipher.getAuthTag()])
  return Buffer.from(`${sealed.toString('base64')}${separator}${key.name}`)
}

function decrypt(value: Uint8Array, keys: readonly Key[], store: string): Uint8Array {
  if (value.length === 0) return value
  const text = Buffer.from(value.buffer, value.byteOffset, value.length).toString()
  const at = text.lastIndexOf(separator)
  const name = at < 0 ? '' : text.slice(at + separator.length)
  const reason = (why: string): Error => new Error(`could not decrypt data for state store ${store}: ${why}`)
  if (name === '') throw reason('encryption key name not found on record')
  // Both keys may be fields of one secret, and have its name then.
  const candidates = keys.filter((key) => key.name === name)
  if (candidates.length === 0) throw reason(`the component has no encryption key of the name ${name}`)
  const sealed = Buffer.from(text.slice(0, at), 'base64')
  if (sealed.length < nonceLength + tagLength) throw reason('the record is too short')
  for (const key of candidates) {
    const opened = open(sealed, key)
    if (opened !== undefined) return opened
  }
  throw new Error('cipher: message authentication failed')
}

function open(sealed: Buffer, key: Key): Buffer | undefined {
  const decipher = createDecipheriv(algorithm(key), key.bytes, sealed.subarray(0, nonceLength))
  decipher.setAuthTag(sealed.subarray(sealed.length - tagLength))
  const opened = decipher.update(sealed.subarray(nonceLength, sealed.length - tagLength))
  try {
    return Buffer.concat([opened, decipher.final()])
  } catch {
    return undefined
  }
}
