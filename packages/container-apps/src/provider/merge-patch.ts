/** JSON Merge Patch (RFC 7396): what a PATCH does to a document. */
import { isRecord, withoutNulls } from '@keystead/resource-manager'

export function mergePatch(target: unknown, patch: unknown): unknown {
  // az writes nulls in the objects of arrays as well, where they mean "absent".
  if (!isRecord(patch)) return withoutNulls(patch)
  const merged = new Map<string, unknown>(isRecord(target) ? Object.entries(target) : [])
  for (const [name, value] of Object.entries(patch)) {
    if (value === null) merged.delete(name)
    else merged.set(name, mergePatch(merged.get(name), value))
  }
  return Object.fromEntries(merged)
}
