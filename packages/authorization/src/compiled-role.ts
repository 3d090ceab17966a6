/** A role definition made ready for decisions. */
import type { RoleDefinition } from './roles.ts'
import { compilePatterns } from './wildcard.ts'

/** What one role says of one action: `excluded` is listed, and taken away by the same permission's notActions. */
export type RoleAnswer = 'granted' | 'excluded' | 'none'

export interface CompiledRole {
  readonly definition: RoleDefinition
  /** Actions in any case. */
  readonly control: (action: string) => RoleAnswer
  readonly data: (action: string) => RoleAnswer
}

/** Services ask for some hundred actions; the bound is against an action made of a caller's text. */
const maxRemembered = 2000

export function compileRole(definition: RoleDefinition): CompiledRole {
  return {
    definition,
    control: remembering(compilePlane(definition.permissions.map((p) => [p.actions, p.notActions]))),
    data: remembering(compilePlane(definition.permissions.map((p) => [p.dataActions, p.notDataActions]))),
  }
}

function compilePlane(
  permissions: readonly (readonly [actions: readonly string[], notActions: readonly string[]])[],
): (action: string) => RoleAnswer {
  const compiled = permissions.map(([actions, notActions]) => ({
    lists: compilePatterns(actions),
    excludes: compilePatterns(notActions),
  }))
  return (action) => {
    let answer: RoleAnswer = 'none'
    for (const { lists, excludes } of compiled) {
      if (!lists(action)) continue
      if (!excludes(action)) return 'granted'
      answer = 'excluded'
    }
    return answer
  }
}

function remembering(ask: (lowerCaseAction: string) => RoleAnswer): (action: string) => RoleAnswer {
  const answers = new Map<string, RoleAnswer>()
  return (action) => {
    let answer = answers.get(action)
    if (answer === undefined) {
      answer = ask(action.toLowerCase())
      if (answers.size >= maxRemembered) answers.clear()
      answers.set(action, answer)
    }
    return answer
  }
}
