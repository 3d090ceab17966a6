/** JSON whose whole numbers keep all their digits. */

/** Whole numbers beyond what a float holds exactly come as bigint. Throws SyntaxError. */
export function bigJsonParse(text: string): unknown {
  if (!/\d{16}/.test(text)) return JSON.parse(text)
  const revive = (_key: string, value: unknown, context: { readonly source?: string }): unknown =>
    typeof value === 'number' && !Number.isSafeInteger(value) && /^-?\d+$/.test(context.source ?? '')
      ? BigInt(context.source ?? '')
      : value
  // The declarations of the library do not know the third parameter yet.
  return JSON.parse(text, revive as (key: string, value: unknown) => unknown)
}

export function jsonText(value: unknown): string {
  return JSON.stringify(value, (_key, member: unknown) => (typeof member === 'bigint' ? rawJson(member) : member))
}

const { rawJSON } = JSON as unknown as { rawJSON(text: string): unknown }
const rawJson = (value: bigint): unknown => rawJSON(String(value))
