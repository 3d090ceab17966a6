/** W3C baggage: what a caller sends is given back when it is well-formed (W3C Baggage, "Definition"). */

export type Baggage = { readonly ok: true; readonly text: string } | { readonly ok: false; readonly error: string }

const maxBytes = 8192
const maxMembers = 64
const token = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/
const value = /^(?:[\x21\x23-\x24\x26-\x2b\x2d-\x3a\x3c-\x5b\x5d-\x7e]|%[0-9A-Fa-f]{2})*$/

/** The members without the blanks around them, or OpenTelemetry's words for the first that is none. */
export function parseBaggage(text: string): Baggage {
  if (Buffer.byteLength(text) > maxBytes)
    return { ok: false, error: `baggage-string too large: ${Buffer.byteLength(text)}` }
  const members: string[] = []
  for (const part of text.split(',')) {
    const [pair = '', ...properties] = part.split(';')
    const equals = pair.indexOf('=')
    if (equals < 0) return { ok: false, error: `invalid baggage list-member: ${JSON.stringify(part)}` }
    const key = pair.slice(0, equals).trim()
    const content = pair.slice(equals + 1).trim()
    if (!token.test(key)) return { ok: false, error: `invalid key: ${JSON.stringify(key)}` }
    if (!value.test(content)) return { ok: false, error: `invalid value: ${JSON.stringify(content)}` }
    members.push([`${key}=${content}`, ...properties.map((property) => property.trim())].join(';'))
  }
  if (members.length > maxMembers) return { ok: false, error: 'too many list-members in baggage-string' }
  return { ok: true, text: members.join(',') }
}
