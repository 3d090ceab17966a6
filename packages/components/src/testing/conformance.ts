/** How a component folder lets the conformance suite open its store. */
import type { ComponentContext } from '../metadata.ts'

export interface Fixture {
  readonly context: Partial<ComponentContext>
  /** Of a secret store: what is in it. */
  readonly secrets?: Readonly<Record<string, Readonly<Record<string, string>>>>
  readonly missing?: string
  readonly missingAnswer?: RegExp | Readonly<Record<string, string>>
  close(): Promise<void>
}

export interface Conformance {
  /** Each version's fixture, or the reason why it is run elsewhere. */
  readonly versions: Readonly<Record<string, (() => Promise<Fixture>) | string>>
}
