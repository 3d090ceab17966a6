/** A command line read as Go's pflag reads daprd's. */
import { parseArgs } from 'node:util'
import { type FlagDefinition, type FlagName, flagDefinitions, isFlagName } from './flags.ts'
import { parseGoDuration } from './go-duration.ts'

export class FlagError extends Error {
  override readonly name = 'FlagError'
}

export interface ParsedFlags {
  /** The last value given, or the default. */
  text(name: FlagName): string
  list(name: FlagName): readonly string[]
  /** True when the flag stood on the command line. */
  changed(name: FlagName): boolean
  readonly help: boolean
  /** Lines that pflag writes to stderr for deprecated flags. */
  readonly notices: readonly string[]
}

const options = Object.fromEntries(
  Object.entries<FlagDefinition>(flagDefinitions).map(([name, definition]) => [
    name,
    { type: definition.kind === 'bool' ? 'boolean' : 'string' } as const,
  ]),
)

/** Throws {@link FlagError} with pflag's words. A single dash counts as two, as in daprd. */
export function parseFlags(argv: readonly string[]): ParsedFlags {
  const args = argv.map((arg) => (arg.length > 2 && arg[0] === '-' && arg[1] !== '-' ? `-${arg}` : arg))
  const { tokens } = parseArgs({ args, options, strict: false, allowPositionals: true, tokens: true })
  const values = new Map<FlagName, string[]>()
  const notices: string[] = []
  let help = false
  for (const token of tokens) {
    if (token.kind === 'option-terminator') break
    if (token.kind !== 'option') continue
    const name = token.name
    if (!isFlagName(name)) {
      if (name === 'help' || name === 'h') {
        help = true
        break
      }
      throw new FlagError(
        token.rawName.startsWith('--')
          ? `unknown flag: --${name}`
          : `unknown shorthand flag: '${name}' in ${token.rawName}`,
      )
    }
    const definition: FlagDefinition = flagDefinitions[name]
    const value = token.value ?? (definition.kind === 'bool' ? 'true' : undefined)
    if (value === undefined) throw new FlagError(`flag needs an argument: --${name}`)
    const reason = invalid(definition.kind, value)
    if (reason !== undefined) throw new FlagError(`invalid argument "${value}" for "--${name}" flag: ${reason}`)
    if (definition.deprecated !== undefined)
      notices.push(`Flag --${name} has been deprecated, ${definition.deprecated}`)
    const given = values.get(name) ?? []
    if (definition.kind === 'stringSlice') given.push(...splitList(value))
    else given[0] = value
    values.set(name, given)
  }
  return {
    text: (name) => values.get(name)?.[0] ?? flagDefinitions[name].default,
    list: (name) => values.get(name) ?? [],
    changed: (name) => values.has(name),
    help,
    notices,
  }
}

/** Go's `strconv.ParseBool`; undefined when it fails. */
export function parseGoBool(text: string): boolean | undefined {
  if (['1', 't', 'T', 'true', 'TRUE', 'True'].includes(text)) return true
  if (['0', 'f', 'F', 'false', 'FALSE', 'False'].includes(text)) return false
  return undefined
}

function invalid(kind: FlagDefinition['kind'], value: string): string | undefined {
  switch (kind) {
    case 'bool':
      return parseGoBool(value) === undefined ? `strconv.ParseBool: parsing "${value}": invalid syntax` : undefined
    case 'int':
      return /^[+-]?\d+$/.test(value) ? undefined : `strconv.ParseInt: parsing "${value}": invalid syntax`
    case 'uint':
      return /^\d+$/.test(value) ? undefined : `strconv.ParseUint: parsing "${value}": invalid syntax`
    case 'duration':
      return parseGoDuration(value) === undefined ? `time: invalid duration "${value}"` : undefined
    default:
      return undefined
  }
}

/** pflag reads a slice as one CSV record. */
function splitList(value: string): string[] {
  if (value === '') return []
  const items: string[] = []
  for (const [, quoted, plain] of value.matchAll(/(?:^|,)(?:"((?:[^"]|"")*)"|([^,]*))/g)) {
    items.push(quoted !== undefined ? quoted.replaceAll('""', '"') : (plain ?? ''))
  }
  return items
}

/** The list of flags that `--help` prints. */
export function usage(): string {
  const rows = Object.entries<FlagDefinition>(flagDefinitions)
    .filter(([, definition]) => !definition.hidden && definition.deprecated === undefined)
    .map(([name, definition]) => {
      const type = {
        string: 'string',
        int: 'int',
        uint: 'uint',
        duration: 'duration',
        stringSlice: 'strings',
        bool: '',
      }
      const shown = definition.kind === 'string' ? `"${definition.default}"` : definition.default
      const zero = ['', '""', '0', '0s', 'false'].includes(shown)
      return [
        `      --${name} ${type[definition.kind]}`.trimEnd(),
        `${definition.usage}${zero ? '' : ` (default ${shown})`}`,
      ]
    })
  const width = Math.max(...rows.map(([left = '']) => left.length)) + 3
  return `Usage of keystead-sidecar:\n${rows.map(([left = '', right]) => `${left.padEnd(width)}${right}`).join('\n')}\n`
}
