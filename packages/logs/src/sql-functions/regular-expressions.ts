/** KQL's regular expressions are RE2's: linear in time, without look-around. */
import { LRUCache } from 'lru-cache'
import { RE2JS } from 're2js'

const compiled = new LRUCache<string, RE2JS>({ max: 200 })

/** Throws for a pattern that RE2 does not take. */
export function compile(pattern: string): RE2JS {
  let expression = compiled.get(pattern)
  if (!expression) {
    expression = RE2JS.compile(pattern)
    compiled.set(pattern, expression)
  }
  return expression
}

/** What is wrong with a pattern, or undefined. */
export function regexError(pattern: string): string | undefined {
  try {
    compile(pattern)
    return undefined
  } catch (error) {
    return error instanceof Error ? error.message : String(error)
  }
}
