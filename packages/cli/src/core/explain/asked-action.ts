/** What a person may call an action: an action, a data action, or a permission on a vault's secrets. */
import { builtInRoles } from '@keystead/authorization'
import { secretOperations } from '@keystead/key-vault'
import { storageDataActions } from '@keystead/storage'

export interface AskedAction {
  /** By roles. */
  readonly action: string
  readonly plane: 'control' | 'data'
  /** By an access policy; undefined for what no access policy speaks of. */
  readonly permission: string | undefined
}

const secretActions = Object.values(secretOperations)

/** The data actions that are known by name: what the services ask for, and what the built-in roles list. */
const dataActions: ReadonlySet<string> = new Set(
  [
    ...secretActions.map(({ action }) => action),
    ...storageDataActions,
    ...builtInRoles.flatMap(({ permissions }) => permissions.flatMap((permission) => permission.dataActions)),
  ].map((action) => action.toLowerCase()),
)

/** Undefined for a single word that is no permission on secrets. */
export function readAction(text: string): AskedAction | undefined {
  const wanted = text.toLowerCase()
  if (!wanted.includes('/')) {
    const operation = secretActions.find(({ permission }) => permission === wanted)
    return operation && { action: operation.action, plane: 'data', permission: operation.permission }
  }
  const operation = secretActions.find(({ action }) => action.toLowerCase() === wanted)
  return {
    action: operation?.action ?? text,
    plane: dataActions.has(wanted) ? 'data' : 'control',
    permission: operation?.permission,
  }
}

/** Makes what it is asked on, so that the scope itself need not be there yet. */
export function creates({ action, plane }: AskedAction): boolean {
  return plane === 'control' ? /\/write$/i.test(action) : /\/(setSecret|restore)\/action$/i.test(action)
}

export function deletes({ action }: AskedAction): boolean {
  return /\/delete$/i.test(action)
}

/** Asks for the value of a secret, which a disabled secret does not give. */
export function readsSecret({ action }: AskedAction): boolean {
  return action === secretOperations.SecretGet.action
}
