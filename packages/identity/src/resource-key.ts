/** Resource ids as keys: they are compared case-insensitively. */
export function resourceKey(resourceId: string): string {
  return resourceId.toLowerCase()
}
