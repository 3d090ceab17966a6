/** How roles and assignments are written as ids. */
import { parseResourceId } from '../../resource-id.ts'

const guid = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i

export const isGuid = (text: string) => guid.test(text)

/** `subscriptionId` undefined: the tenant's own spelling. */
export function roleDefinitionId(subscriptionId: string | undefined, name: string): string {
  const scope = subscriptionId === undefined ? '' : `/subscriptions/${subscriptionId}`
  return `${scope}/providers/Microsoft.Authorization/roleDefinitions/${name}`
}

/** The guid at the end of a role definition's id, whatever the scope before it; undefined when it is no such id. */
export function roleDefinitionNameOf(id: string): string | undefined {
  const parsed = parseResourceId(id)
  const name = parsed?.names[0]
  const isRole =
    parsed?.namespace?.toLowerCase() === 'microsoft.authorization' &&
    parsed.types.length === 1 &&
    parsed.types[0]?.toLowerCase() === 'roledefinitions'
  return isRole && name !== undefined && isGuid(name) ? name.toLowerCase() : undefined
}

/** Whether `scope` is `above` or lies below it; `/` is above everything. */
export function isWithin(scope: string, above: string): boolean {
  const [low, high] = [scope, above].map((each) => each.toLowerCase().replace(/\/+$/, '')) as [string, string]
  return low === high || low.startsWith(`${high}/`)
}
