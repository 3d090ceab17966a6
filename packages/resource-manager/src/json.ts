/** JSON documents as values: nulls that mean "absent", and how deep one may nest. */

/** The document without the null members of its objects (nulls in arrays stay: they are elements). */
export function withoutNulls<T>(value: T): T
export function withoutNulls(value: unknown): unknown {
  if (Array.isArray(value)) return value.map((each: unknown) => withoutNulls(each))
  if (typeof value !== 'object' || value === null) return value
  return Object.fromEntries(
    Object.entries(value)
      .filter(([, member]) => member !== null && member !== undefined)
      .map(([name, member]) => [name, withoutNulls(member)]),
  )
}

/** Whether no array or object lies deeper than `limit` levels. */
export function nestsWithin(value: unknown, limit: number): boolean {
  if (typeof value !== 'object' || value === null) return true
  if (limit === 0) return false
  for (const member of Object.values(value)) {
    if (!nestsWithin(member, limit - 1)) return false
  }
  return true
}

export function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
