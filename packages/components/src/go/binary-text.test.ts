import { expect, it } from 'vitest'
import { pfx, selfSigned } from '../testing/certificates.ts'
import { binaryBytes, binaryText } from './binary-text.ts'

it('keeps texts and PFX files as they are', () => {
  for (const text of ['', 'hunter2', 'grüße', 'é', '世界', '0é']) {
    expect(binaryText(Buffer.from(text))).toBe(text)
    expect(binaryBytes(text)).toEqual(Buffer.from(text))
  }
  const file = pfx(selfSigned('app'), 'secret', 'aes256')
  expect(binaryBytes(binaryText(file))).toEqual(file)
})
