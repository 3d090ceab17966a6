/** From a refusal's record to the az command that would mend it: for people who ask, and for the log beside a 403. */
import { commandLine } from './command-line.ts'
import { type Decision, describeDecision } from './decision.ts'
import { leastRole } from './least-role.ts'

export interface MendingOptions {
  /** Where to assign the role, when not at the scope that was asked for. */
  readonly scope?: string
  /** With it az need not look the principal up. */
  readonly principalType?: 'User' | 'Group' | 'ServicePrincipal'
}

/** The az command that grants what was refused; undefined for what was allowed, and when no built-in role grants it. */
export function mendingCommand(decision: Decision, options: MendingOptions = {}): string | undefined {
  if (decision.allowed) return undefined
  const { objectId } = decision.principal
  if (decision.by === 'accessPolicy') {
    // `set-policy` replaces the list, so what is held already is named again.
    const permissions = [...(decision.held ?? []), decision.action]
    return commandLine([
      ...['az', 'keyvault', 'set-policy', '--name', vaultOf(decision.scope)],
      ...['--object-id', objectId, '--secret-permissions', ...permissions],
    ])
  }
  const role = leastRole(decision.action, decision.plane ?? 'control')
  if (role === undefined) return undefined
  const assignee =
    options.principalType === undefined
      ? ['--assignee', objectId]
      : ['--assignee-object-id', objectId, '--assignee-principal-type', options.principalType]
  const scope = options.scope ?? decision.scope
  return commandLine(['az', 'role', 'assignment', 'create', '--role', role.roleName, ...assignee, '--scope', scope])
}

/** What the log says beside a 403: the decision in a sentence, and what would mend it. */
export function refusalHint(decision: Decision, options: MendingOptions = {}): string {
  const command = mendingCommand(decision, options)
  const mend =
    command === undefined
      ? 'No built-in role grants it: make one with `az role definition create`.'
      : `To allow it: ${command}`
  return `${describeDecision(decision)} ${mend}`
}

function vaultOf(scope: string): string {
  return /\/vaults\/([^/]+)/i.exec(scope)?.[1] ?? ''
}
