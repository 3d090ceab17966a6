import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { createRegistry } from '../registry.ts'
import { testContext } from '../testing/context.ts'

interface Vector {
  readonly name: string
  readonly type: string
  readonly properties: Readonly<Record<string, string>>
  /** Empty: init succeeds. */
  readonly text: string
}

/** What the Go components of components-contrib v1.18.4 answered to init with this metadata. */
const vectors: readonly Vector[] = JSON.parse(readFileSync(new URL('./init-errors.json', import.meta.url), 'utf8'))

describe('init refuses with the words of daprd', () => {
  it.each(vectors)('$type: $name', async ({ type, properties, text }) => {
    const factory = await createRegistry().factory(type, 'v1')
    const { context } = testContext({ metadata: properties })
    const result = await factory?.init(context).then(
      (component) => component.close?.().then(() => '') ?? '',
      (error: Error) => error.message,
    )
    expect(result).toBe(text)
  })
})
