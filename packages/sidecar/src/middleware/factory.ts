/** How a type of HTTP middleware comes to life from a component's metadata. */
import type { Logger } from '../log/logger.ts'
import type { Middleware } from './pipeline.ts'

export interface MiddlewareContext {
  readonly metadata: Readonly<Record<string, string>>
  readonly log: Logger
  /** Aborted when `initTimeout` has passed or the sidecar stops. */
  readonly signal: AbortSignal
}

/** Rejects with the text that daprd would log. */
export type MiddlewareFactory = (context: MiddlewareContext) => Promise<Middleware> | Middleware

/** A field of a component's metadata, its name without regard to case, the first spelling that is there. */
export function field(metadata: Readonly<Record<string, string>>, ...names: readonly string[]): string {
  for (const name of names) {
    const key = Object.keys(metadata).find((given) => given.toLowerCase() === name.toLowerCase())
    if (key !== undefined) return metadata[key] ?? ''
  }
  return ''
}

/** A regular expression of a field. Throws with Go's beginning of the error. */
export function pattern(text: string, what: string): RegExp {
  try {
    return new RegExp(text)
  } catch (error) {
    throw new Error(`${what}: error parsing regexp: ${error instanceof Error ? error.message : String(error)}`)
  }
}
