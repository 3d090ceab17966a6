/** YAML read as the Go library reads it (sigs.k8s.io/yaml: YAML 1.1 turned into JSON). */
import { parseDocument, type ScalarTag, type Tags } from 'yaml'

/** The library's error text, after `error converting YAML to JSON: `. */
export class YamlError extends Error {
  override readonly name = 'YamlError'
}

// What can be nothing but text is told by one expression before those of every other kind are tried, and compiled.
const evidentText: ScalarTag = {
  tag: 'tag:yaml.org,2002:str',
  default: true,
  test: /^(?!(?:y|yes|n|no|on|off|true|false|null|~|<<)$)[^-+.\d]/i,
  resolve: (text) => text,
}

// Go's reader has neither base-60 numbers nor dates: both stay strings.
const goTags = (tags: Tags): Tags => [
  evidentText,
  ...tags.filter((tag) => {
    if (typeof tag === 'string') return tag !== 'timestamp' && tag !== 'intTime' && tag !== 'floatTime'
    return tag.tag !== 'tag:yaml.org,2002:timestamp' && !('format' in tag && tag.format === 'TIME')
  }),
]

/** One YAML document as JSON values; undefined content is null. Whole numbers beyond 2^53 are bigints. Throws {@link YamlError}. */
export function parseYaml(text: string): unknown {
  let document = parse(text)
  if (document.errors.length > 0) {
    const lenient = indentQuoted(text)
    if (lenient !== text) {
      const again = parse(lenient)
      if (again.errors.length === 0) document = again
    }
  }
  const [error] = document.errors
  if (error) throw new YamlError(goWords(error.message, error.code, text, error.pos[0]))
  return toJson(document)
}

function parse(text: string) {
  return parseDocument(text, {
    version: '1.1',
    customTags: goTags,
    merge: true,
    intAsBigInt: true,
    prettyErrors: false,
    logLevel: 'silent',
    uniqueKeys: true,
  })
}

function toJson(document: ReturnType<typeof parse>): unknown {
  try {
    return plain(document.toJS({ maxAliasCount: 100 }))
  } catch (error) {
    if (!(error instanceof ReferenceError)) throw error
    const anchor = /\(from (.*)\)|alias.*: (.*)$/i.exec(error.message)
    const excessive = error.message.startsWith('Excessive')
    throw new YamlError(
      excessive
        ? 'yaml: document contains excessive aliasing'
        : `yaml: unknown anchor '${anchor?.[1] ?? anchor?.[2] ?? ''}' referenced`,
    )
  }
}

const opened = /^(\s*)(?:- +)?[^\s#'"][^'"]*?: +(['"])/

/**
 * Quoted text over several lines, the later of which may not stand far enough to the right for the specification; Go's
 * reader takes them wherever they stand.
 */
function indentQuoted(text: string): string {
  let inside: { readonly quote: string; readonly indent: string } | undefined
  return text
    .split('\n')
    .map((line) => {
      if (inside) {
        const moved = `${inside.indent}  ${line}`
        if (isClosedBy(line, inside.quote)) inside = undefined
        return moved
      }
      const match = opened.exec(line)
      if (match && !isClosedBy(line.slice(match[0].length), match[2] ?? '')) {
        inside = { quote: match[2] ?? '', indent: match[1] ?? '' }
      }
      return line
    })
    .join('\n')
}

function isClosedBy(rest: string, quote: string): boolean {
  const bare = quote === "'" ? rest.replaceAll("''", '') : rest.replace(/\\./g, '')
  return bare.includes(quote)
}

function plain(value: unknown): unknown {
  if (typeof value === 'bigint') return Number.isSafeInteger(Number(value)) ? Number(value) : value
  if (Array.isArray(value)) return value.map(plain)
  if (value instanceof Map || value instanceof Set) return plain(Object.fromEntries(value.entries()))
  if (typeof value === 'object' && value !== null) {
    return Object.fromEntries(Object.entries(value).map(([key, member]) => [key, plain(member)]))
  }
  return value
}

/** Go's words for the commonest faults; the parser's own otherwise. Lines count from 1. */
function goWords(message: string, code: string, text: string, offset: number): string {
  const line = text.slice(0, offset).trimEnd().split('\n').length
  if (message.startsWith('Flow sequence')) return `yaml: line ${line}: did not find expected ',' or ']'`
  if (message.startsWith('Flow map')) return `yaml: line ${line}: did not find expected ',' or '}'`
  switch (code) {
    case 'TAB_AS_INDENT':
      return `yaml: line ${line}: found character that cannot start any token`
    case 'BLOCK_AS_IMPLICIT_KEY':
    case 'MULTILINE_IMPLICIT_KEY':
      return `yaml: line ${line}: mapping values are not allowed in this context`
    case 'MISSING_CHAR':
      return `yaml: line ${line}: could not find expected ':'`
    case 'DUPLICATE_KEY':
      return `yaml: line ${line}: key already set in map`
    default:
      return `yaml: line ${line}: ${message}`
  }
}
