/** Which built-in role to assign for one action: the one that grants the least besides. */
import { builtInRoles } from './built-in-roles.ts'
import { compileRole } from './compiled-role.ts'
import type { RoleDefinition } from './roles.ts'

/** How much a pattern reaches: one action, reading anything, a whole branch, one kind of change anywhere, everything. */
function reach(pattern: string): number {
  if (pattern === '*') return 10_000
  if (!pattern.includes('*')) return 1
  if (/\/read$/i.test(pattern)) return pattern.startsWith('*') ? 50 : 5
  if (pattern.startsWith('*')) return 1000
  // `Microsoft.Support/*` and the like stand in many roles for the portal's sake; the nearer the root, the more it is.
  return Math.round(300 / pattern.split('/').length)
}

const candidates = builtInRoles
  .map((definition) => ({
    role: compileRole(definition),
    control: total(definition, ({ actions, notActions }) => [actions, notActions]),
    data: total(definition, ({ dataActions, notDataActions }) => [dataActions, notDataActions]),
  }))
  .map((each) => ({ ...each, all: each.control + each.data }))

function total(
  definition: RoleDefinition,
  lists: (permission: RoleDefinition['permissions'][number]) => readonly [readonly string[], readonly string[]],
): number {
  return definition.permissions
    .map(lists)
    .reduce((sum, [listed, excluded]) => listed.reduce((all, one) => all + reach(one), sum) - excluded.length, 0)
}

/** The built-in role; undefined when none of them grants the action. Of two that reach as far, the one listed first. */
export function leastRole(action: string, plane: 'control' | 'data'): RoleDefinition | undefined {
  const lower = action.toLowerCase()
  let best: (typeof candidates)[number] | undefined
  for (const candidate of candidates) {
    if (candidate.role[plane](lower) !== 'granted') continue
    // What a role grants of the plane that was asked for weighs first: the rest of it is about looking.
    if (
      best === undefined ||
      candidate[plane] < best[plane] ||
      (candidate[plane] === best[plane] && candidate.all < best.all)
    ) {
      best = candidate
    }
  }
  return best?.role.definition
}
