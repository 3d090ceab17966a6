/** The loop that an expression stands in. */
import { copyIndexNotAllowed } from '../template-error.ts'
import type { CopyFrame, Scope } from './scope.ts'

/** The most rounds of one loop, and the most resources of one template. */
export const maxCopies = 800

export function withCopy(scope: Scope, frame: CopyFrame): Scope {
  return { ...scope, copies: [...scope.copies, frame] }
}

/** The round that `copyIndex('NAME')` means; without a name the innermost. */
export function copyIndex({ copies }: Scope, name: string | undefined): number {
  const frame =
    name === undefined ? copies.at(-1) : copies.findLast((each) => each.name.toLowerCase() === name.toLowerCase())
  if (frame === undefined) throw copyIndexNotAllowed()
  return frame.index
}
