/** Reads how long an item is to live from a state request's metadata (components-contrib state/utils/ttl.go). */
import { ComponentError } from '../component-error.ts'
import { parseGoInt } from '../go/strconv.ts'

/**
 * Seconds; -1 for ever; undefined where the request says nothing.
 * @throws ComponentError `incorrect value for metadata 'ttlInSeconds': …`
 */
export function ttlInSeconds(metadata: Readonly<Record<string, string>>): number | undefined {
  const text = metadata.ttlInSeconds ?? ''
  if (text === '') return undefined
  const seconds = parseGoInt(text, 64)
  if (typeof seconds !== 'number') throw incorrect(seconds.error)
  if (seconds < -1 || seconds > 0x7fffffff) throw incorrect('must be -1 or greater')
  return seconds
}

function incorrect(why: string): ComponentError {
  return new ComponentError(`incorrect value for metadata 'ttlInSeconds': ${why}`)
}
