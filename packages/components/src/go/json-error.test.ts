import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { jsonError } from './json-error.ts'

/** What Go 1.26 answered for these texts; empty: nothing is wrong. */
const vectors: readonly { text: string; error: string }[] = JSON.parse(
  readFileSync(new URL('./vectors/json-errors.json', import.meta.url), 'utf8'),
)

describe('a JSON text that is none is refused as Go refuses it', () => {
  it.each(vectors)('$text', ({ text, error }) => {
    expect(jsonError(text) ?? '').toBe(error)
  })
})
