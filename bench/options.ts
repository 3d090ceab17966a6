/** The flags of `npm run bench`. */
import { parseArgs } from 'node:util'

export interface Options {
  /** Rows whose name contains this; all when absent. */
  readonly only: string | undefined
  /** How long one side of one round is loaded. */
  readonly seconds: number
  readonly rounds: number
  readonly output: 'text' | 'json'
  /** Secret versions in the large vault. */
  readonly versions: number
  /** Log rows in the database that is queried. */
  readonly logRows: number
  /** Requests of the soak, which is not run when absent. */
  readonly soak: number | undefined
  /** A daprd binary to compare with. */
  readonly daprd: string | undefined
}

export const help = `Usage: npm run bench -- [options]

Measures Keystead on loopback against what it is compared with, in alternating rounds of one run, and prints ratios:
the median over the rounds, with the lowest and the highest. Progress is told on standard error.

  --only NAME      only rows whose name contains NAME (see the first column)
  --seconds N      load each side of a round for N seconds (default 2)
  --rounds N       rounds of each row (default 5)
  --versions N     secret versions stored for the row about many of them (default 1000000)
  --log-rows N     log rows written and queried (default 10000000)
  --soak N         send N requests (20000000 is what is aimed at) and compare memory after the first tenth and the end
  --output FORMAT  text or json (default text)
  --help           this text

  DAPRD=PATH       a daprd binary to compare the sidecar with, in the environment

Examples:
  npm run bench
  npm run bench -- --only key-vault --rounds 9
  npm run bench -- --only soak --soak 20000000
  DAPRD=/usr/local/bin/daprd npm run bench -- --output json > bench.json

It ends with 0 whether goals are met or not, since figures are noisy: with 1 only when something could not be measured.
`

/** A flag that is not understood; its message is for a person. */
export class OptionError extends Error {
  override readonly name = 'OptionError'
}

/** Undefined when help was asked for. Throws {@link OptionError}. */
export function parseOptions(words: readonly string[], environment: NodeJS.ProcessEnv): Options | undefined {
  const values = parse(words)
  if (values.help) return undefined
  if (values.output !== 'text' && values.output !== 'json') throw new OptionError('--output is text or json.')
  return {
    only: values.only,
    seconds: positive('--seconds', values.seconds, 600),
    rounds: whole('--rounds', values.rounds, 1000),
    versions: whole('--versions', values.versions, 10_000_000),
    logRows: whole('--log-rows', values['log-rows'], 100_000_000),
    soak: values.soak === undefined ? undefined : whole('--soak', values.soak, 1_000_000_000),
    output: values.output,
    daprd: environment.DAPRD || undefined,
  }
}

function parse(words: readonly string[]) {
  try {
    return parseArgs({
      args: [...words],
      options: {
        only: { type: 'string' },
        seconds: { type: 'string', default: '2' },
        rounds: { type: 'string', default: '5' },
        versions: { type: 'string', default: '1000000' },
        'log-rows': { type: 'string', default: '10000000' },
        soak: { type: 'string' },
        output: { type: 'string', default: 'text' },
        help: { type: 'boolean', default: false },
      },
    }).values
  } catch (error) {
    throw new OptionError(error instanceof Error ? error.message : String(error))
  }
}

function positive(flag: string, text: string, most: number): number {
  const value = Number(text)
  if (!(value > 0 && value <= most)) throw new OptionError(`${flag} is a number above 0, at most ${most}.`)
  return value
}

function whole(flag: string, text: string, most: number): number {
  const value = positive(flag, text, most)
  if (!Number.isInteger(value)) throw new OptionError(`${flag} is a whole number.`)
  return value
}
