/** Functions of strings. */
import { v5 as uuidV5 } from 'uuid'
import { type Call, type FunctionTable, takes } from '../expression/function.ts'
import { uniqueString } from '../expression/unique-string.ts'
import { formatted } from './format.ts'
import { parseJson } from './objects.ts'

/** The namespace of `guid`, as the documentation of the function gives it. */
const guidNamespace = '11fb06fb-712d-4ddd-98c7-e71bbd588830'

const many = [1, Number.POSITIVE_INFINITY] as const

export const stringFunctions: FunctionTable = {
  base64: takes(1, ([text], call) => Buffer.from(call.text(text), 'utf8').toString('base64')),
  base64ToString: takes(1, ([text], call) => decodeBase64(text, call)),
  base64ToJson: takes(1, ([text], call) => parseJson(decodeBase64(text, call), call)),
  dataUri: takes(
    1,
    ([text], call) => `data:text/plain;charset=utf8;base64,${Buffer.from(call.text(text)).toString('base64')}`,
  ),
  dataUriToString: takes(1, ([uri], call) => {
    const match = /^data:([^,]*),(.*)$/s.exec(call.text(uri))
    if (match === null) return call.refuse('the value is not a data URI')
    const [, media = '', data = ''] = match
    return /;base64$/i.test(media) ? decodeBase64(data, call) : decodeUri(data, call)
  }),
  endsWith: takes(2, ([text, end], call) => call.text(text).toLowerCase().endsWith(call.text(end).toLowerCase())),
  startsWith: takes(2, ([text, start], call) =>
    call.text(text).toLowerCase().startsWith(call.text(start).toLowerCase()),
  ),
  format: takes(many, ([pattern, ...values], call) => formatted(call.text(pattern), values, call)),
  guid: takes(many, (args, call) => uuidV5(args.map((each) => call.text(each)).join('-'), guidNamespace)),
  join: takes(2, ([values, separator], call) =>
    call
      .array(values)
      .map((each) => plain(each, call))
      .join(call.text(separator)),
  ),
  padLeft: takes([2, 3], ([value, length, padding], call) => {
    const fill = call.optional(padding, (each) => call.text(each)) ?? ' '
    if (fill.length !== 1) return call.refuse('the padding must be one character')
    const width = call.integer(length)
    if (width < 0 || width > 10_000) return call.refuse("the length must be between '0' and '10000'")
    return plain(value, call).padStart(width, fill)
  }),
  replace: takes(3, ([text, old, by], call) => {
    const from = call.text(old)
    return from === ''
      ? call.refuse('the text to replace is empty')
      : call.text(text).replaceAll(from, () => call.text(by))
  }),
  split: takes(2, ([text, delimiter], call) => {
    const delimiters = (Array.isArray(delimiter) ? delimiter : [delimiter])
      .map((each) => call.text(each))
      .filter(Boolean)
    if (delimiters.length === 0) return [call.text(text)]
    const pattern = new RegExp(delimiters.map((each) => each.replaceAll(/[\\^$.*+?()[\]{}|]/g, '\\$&')).join('|'))
    return call.text(text).split(pattern)
  }),
  string: takes(1, ([value]) =>
    typeof value === 'string' ? value : typeof value === 'boolean' ? (value ? 'True' : 'False') : JSON.stringify(value),
  ),
  substring: takes([2, 3], ([text, start, length], call) => {
    const whole = call.text(text)
    const from = call.integer(start)
    const count = call.optional(length, (each) => call.integer(each)) ?? whole.length - from
    if (from < 0 || count < 0 || from + count > whole.length) {
      return call.refuse(
        `the index and length parameters must refer to a location within the string. The index parameter: '${from}', the length parameter: '${count}', the length of the string parameter: '${whole.length}'`,
      )
    }
    return whole.slice(from, from + count)
  }),
  toLower: takes(1, ([text], call) => call.text(text).toLowerCase()),
  toUpper: takes(1, ([text], call) => call.text(text).toUpperCase()),
  trim: takes(1, ([text], call) => call.text(text).trim()),
  uniqueString: takes(many, (args, call) => uniqueString(args.map((each) => call.text(each)))),
  uri: takes(2, ([base, relative], call) => {
    const root = call.text(base)
    const found = URL.canParse(call.text(relative), root) ? new URL(call.text(relative), root) : undefined
    return found?.href ?? call.refuse('the base is not an absolute URI')
  }),
  uriComponent: takes(1, ([text], call) => encodeURIComponent(call.text(text))),
  uriComponentToString: takes(1, ([text], call) => decodeUri(call.text(text), call)),
  fail: takes(1, ([message], call) => call.refuse(call.text(message).slice(0, 1024))),
}

function plain(value: unknown, call: Call): string {
  if (typeof value === 'string') return value
  if (typeof value === 'boolean') return value ? 'True' : 'False'
  return typeof value === 'number' ? String(value) : call.expected('a string or an integer', value)
}

function decodeBase64(value: unknown, call: Call): string {
  const text = call.text(value)
  return /^[A-Za-z0-9+/]*={0,2}$/.test(text)
    ? Buffer.from(text, 'base64').toString('utf8')
    : call.refuse('the text is not valid base64')
}

function decodeUri(text: string, call: Call): string {
  try {
    return decodeURIComponent(text)
  } catch {
    return call.refuse('the text is not valid percent-encoding')
  }
}
