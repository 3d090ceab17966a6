/** The bytes of a sealed value: AES-256-GCM with a random nonce, behind a format byte. */
import { createCipheriv, createDecipheriv, type KeyObject, randomBytes } from 'node:crypto'

/** Format 1: the byte 1, a 96-bit nonce (NIST SP 800-38D section 8.2.2), the ciphertext, a 128-bit tag. */
const format = 1
const nonceBytes = 12
const tagBytes = 16

/** A sealed value that does not open, or a data key that does not exist. */
export class KeyringError extends Error {
  override readonly name = 'KeyringError'
  /** `unknown-key`: no such data key; `not-authentic`: altered, moved or sealed under another key; `unknown-format`: written by later code. */
  readonly code: 'unknown-key' | 'not-authentic' | 'unknown-format'
  constructor(code: KeyringError['code'], message: string, options?: ErrorOptions) {
    super(message, options)
    this.code = code
  }
}

/** Seals `plaintext`; `labels` are bound in as additional data, each with its length so that no two lists are alike. */
export function sealBox(key: KeyObject, plaintext: Uint8Array, labels: readonly string[]): Uint8Array {
  const nonce = randomBytes(nonceBytes)
  const cipher = createCipheriv('aes-256-gcm', key, nonce)
  cipher.setAAD(additionalData(labels))
  return Buffer.concat([Buffer.of(format), nonce, cipher.update(plaintext), cipher.final(), cipher.getAuthTag()])
}

/** Opens what {@link sealBox} made with the same key and labels. Throws {@link KeyringError}. */
export function openBox(key: KeyObject, sealed: Uint8Array, labels: readonly string[]): Uint8Array {
  if (sealed.length > 0 && sealed[0] !== format) {
    throw new KeyringError('unknown-format', 'The sealed value has a format that this version does not know.')
  }
  if (sealed.length < 1 + nonceBytes + tagBytes) {
    throw new KeyringError('not-authentic', 'The sealed value is cut short.')
  }
  const decipher = createDecipheriv('aes-256-gcm', key, sealed.subarray(1, 1 + nonceBytes), {
    authTagLength: tagBytes,
  })
  decipher.setAAD(additionalData(labels))
  decipher.setAuthTag(sealed.subarray(sealed.length - tagBytes))
  try {
    const plaintext = decipher.update(sealed.subarray(1 + nonceBytes, sealed.length - tagBytes))
    // Adds nothing in GCM, and throws when the tag is not that of what was decrypted.
    decipher.final()
    return plaintext
  } catch (error) {
    throw new KeyringError('not-authentic', 'The sealed value was altered, moved, or sealed under another key.', {
      cause: error,
    })
  }
}

function additionalData(labels: readonly string[]): Buffer {
  let text = ''
  for (const label of labels) text += `${Buffer.byteLength(label)}:${label}`
  return Buffer.from(text)
}
