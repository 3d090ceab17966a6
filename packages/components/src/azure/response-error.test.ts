import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { formatResponseError } from './response-error.ts'

interface Vector {
  readonly name: string
  readonly method: string
  readonly url: string
  readonly status: number
  readonly reason: string
  readonly headers: Readonly<Record<string, string>> | null
  readonly body: string
  readonly text: string
}

/** What azcore v1.11.1, the one in daprd 1.18, printed for these responses. */
const vectors: readonly Vector[] = JSON.parse(
  readFileSync(new URL('./vectors/response-errors.json', import.meta.url), 'utf8'),
)

describe('a refusal reads as Go prints it', () => {
  it.each(vectors)('$name', ({ headers, text, ...response }) => {
    expect(formatResponseError({ ...response, errorCode: headers?.['x-ms-error-code'] })).toBe(text)
  })
})
