/** Resource ids, made of a type and names. */

/**
 * `Microsoft.KeyVault/vaults/secrets` and `['v', 's']` below a scope. A type of extension, written as
 * `Microsoft.KeyVault/vaults/providers/roleAssignments` with the names `v`, `Microsoft.Authorization`, `r`, comes out
 * right by itself. Undefined when there are not as many names as the type has segments.
 */
export function pathBelow(scope: string, type: string, names: readonly string[]): string | undefined {
  const [namespace, ...types] = type.split('/')
  if (namespace === undefined || namespace === '' || types.length === 0 || types.length !== names.length)
    return undefined
  return `${scope}/providers/${namespace}${types.map((each, index) => `/${each}/${names[index]}`).join('')}`
}
