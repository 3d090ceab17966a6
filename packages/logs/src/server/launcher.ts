/** The logs process: keeps the log databases and runs queries, so that a scan never delays a token or a secret. */
import { LogServer } from './log-server.ts'

const environment = process.env

function setting(name: string): string {
  const value = environment[name]
  if (!value) throw new Error(`${name} is not set`)
  delete environment[name]
  return value
}

process.umask(0o077)
const server = new LogServer({
  directory: setting('KEYSTEAD_LOGS_LOCATION'),
  secret: setting('KEYSTEAD_LOGS_SECRET'),
})

let stopping = false
async function stop(): Promise<void> {
  if (stopping) return
  stopping = true
  await server.close()
  process.exit(0)
}
process.on('SIGTERM', stop)
process.on('SIGINT', stop)

try {
  await server.listen(Number(setting('KEYSTEAD_LOGS_PORT')))
  console.log('logs: ready')
} catch (error) {
  console.error(`logs: ${error instanceof Error ? error.message : String(error)}`)
  process.exit(1)
}
