/** A process that runs queries, one at a time, so that one that takes too long can be ended without harm to anything else. */
import { DatabaseSync } from 'node:sqlite'
import { logSources } from '../database/log-source.ts'
import { KqlError } from '../kql/kql-error.ts'
import { QueryEngine, type QueryOptions } from '../query-engine.ts'
import type { QueryOutcome } from './query-outcome.ts'

export interface QueryTask extends QueryOptions {
  readonly file: string
  readonly query: string
}

/** The engine of the database that was asked last: most queries in a row are about one workspace. */
let open: { readonly file: string; readonly database: DatabaseSync; readonly engine: QueryEngine } | undefined

function engineOf(file: string): QueryEngine {
  if (open?.file === file) return open.engine
  open?.database.close()
  const database = new DatabaseSync(file, { readOnly: true })
  open = { file, database, engine: new QueryEngine(database, logSources) }
  return open.engine
}

function run({ file, query, ...options }: QueryTask): QueryOutcome {
  try {
    return { kind: 'result', result: engineOf(file).run(query, options) }
  } catch (error) {
    if (error instanceof KqlError) {
      const { kind, message, start, length } = error
      return { kind: 'refused', error: { kind, message, start, length, ...error.position(query) } }
    }
    return { kind: 'failed', message: error instanceof Error ? error.message : String(error) }
  }
}

process.on('message', (task: QueryTask) => process.send?.(run(task)))
// Without its parent it has nobody to answer.
process.on('disconnect', () => process.exit(0))
process.send?.('ready')
