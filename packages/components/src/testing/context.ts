/** A component's surroundings in a test. */
import type { ComponentContext } from '../metadata.ts'

export interface TestContext {
  readonly context: ComponentContext
  /** Lines as `level message`. */
  readonly lines: string[]
}

export function testContext(over: Partial<ComponentContext> = {}): TestContext {
  const lines: string[] = []
  const context: ComponentContext = {
    name: 'under-test',
    metadata: {},
    environment: {},
    log: (level, message) => lines.push(`${level} ${message}`),
    signal: new AbortController().signal,
    ...over,
  }
  return { context, lines }
}
