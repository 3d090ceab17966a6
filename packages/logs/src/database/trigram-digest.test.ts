import { expect, it } from 'vitest'
import { trigramDigest } from './trigram-digest.ts'

function trigramsOf(text: string): Set<string> {
  const characters = [...text]
  return new Set(characters.slice(2).map((_, at) => characters.slice(at, at + 3).join('')))
}

const digest = (texts: readonly string[]): string => Buffer.from(trigramDigest(texts)).toString()

it.each([
  [
    'of lines that repeat themselves',
    Array.from({ length: 300 }, (_, index) => `level=info msg="request ${index * 7919}"`),
  ],
  ['of characters of several bytes', ['straße', 'a😀b', '日本語のログ', 'é', 'abcé😀def', 'straße', 'xé']],
  ['of short lines', ['', 'a', 'ab', 'abc', '', 'ab', 'bc']],
  ['of a text longer than usual', ['x'.repeat(100_000) + 'ü'.repeat(50_000), 'yz'.repeat(50_000)]],
])('keeps the trigrams %s, and makes up none', (_, texts) => {
  const wanted = new Set(texts.flatMap((text) => [...trigramsOf(text)]))
  const kept = new Set([...trigramsOf(digest(texts))].filter((trigram) => !trigram.includes('\n')))
  expect(kept).toEqual(wanted)
})

it('makes lines that repeat themselves much shorter, each time', () => {
  const texts = Array.from(
    { length: 256 },
    (_, index) => `level=info msg="HTTP API Called" status=${200 + (index % 4)}`,
  )
  for (let time = 0; time < 600; time += 1) expect(digest(texts).length).toBeLessThan(100)
})
