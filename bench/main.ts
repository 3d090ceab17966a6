/** `npm run bench`: measures the rows that were asked for, and prints them. */
import { loadavg } from 'node:os'
import { LoadGenerator } from './load/load-generator.ts'
import { help, OptionError, type Options, parseOptions } from './options.ts'
import { findProcessors } from './processors.ts'
import { printJson, printTable } from './report.ts'
import type { Bench, MemoryResult, RowResult, Scenario } from './row.ts'

function progress(text: string): void {
  process.stderr.write(`${text}\n`)
}

/** What to run, with the rows of each that were asked for. Throws {@link OptionError} when there are none. */
function choose(scenarios: readonly Scenario[], only: string | undefined): ReadonlyMap<Scenario, ReadonlySet<string>> {
  const chosen = new Map<Scenario, ReadonlySet<string>>()
  for (const scenario of scenarios) {
    const rows = scenario.rows.filter((row) => only === undefined || row.includes(only))
    if (rows.length > 0) chosen.set(scenario, new Set(rows))
  }
  if (chosen.size === 0) {
    const names = scenarios.flatMap((scenario) => scenario.rows).join(', ')
    throw new OptionError(`No row's name contains "${only}". There are: ${names}.`)
  }
  return chosen
}

async function main(options: Options): Promise<void> {
  const { scenariosFor } = await import('./rows/scenarios.ts')
  const scenarios = choose(scenariosFor(options), options.only)
  const processors = await findProcessors()
  const [load = 0] = loadavg()
  if (load > processors.count / 2) progress(`The machine is busy (load ${load.toFixed(1)}): take the figures as noise.`)
  if (!processors.generator)
    progress('The load generator shares a processor with the servers: ratios come out closer to 1.')
  using generator = await LoadGenerator.start(processors.generator)
  const bench: Bench = { options, processors, generator, progress, seconds: options.seconds, rounds: options.rounds }
  const results: (RowResult | MemoryResult)[] = []
  for (const [scenario, wanted] of scenarios) results.push(...(await scenario.run(bench, wanted)))
  const rows = results.filter((result) => 'row' in result)
  const memory = results.filter((result) => 'process' in result)
  if (options.output === 'json') printJson(options, processors.count, load, rows, memory)
  else printTable(rows, memory)
}

try {
  const options = parseOptions(process.argv.slice(2), process.env)
  if (options) await main(options)
  else process.stdout.write(help)
} catch (error) {
  process.stderr.write(`error: ${error instanceof OptionError ? error.message : (error as Error).stack}\n`)
  if (error instanceof OptionError) process.stderr.write('See `npm run bench -- --help`.\n')
  process.exitCode = 1
}
