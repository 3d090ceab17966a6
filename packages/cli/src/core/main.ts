/** The core process: composes the cloud over one data directory, tells the supervisor when it is ready, stops when asked. */
import { pino } from 'pino'
import { CliError } from '../cli-error.ts'
import { DataDirectory } from '../data-directory.ts'
import { explainFailure } from '../failure.ts'
import { tellSupervisor } from '../supervisor/messages.ts'
import { startCloud } from './cloud.ts'

const [path] = process.argv.slice(2)
if (!path) throw new CliError('The core needs a data directory.', 'It is started by `keystead up`.')

const directory = new DataDirectory(path)
const logger = pino({
  name: 'core',
  base: null,
  formatters: { level: (label) => ({ level: label }) },
  timestamp: pino.stdTimeFunctions.isoTime,
})

try {
  const cloud = await startCloud({ directory, environment: process.env, logger, clock: Date.now })
  const stop = (signal: NodeJS.Signals): void => {
    logger.info({ signal }, 'stopping')
    cloud.close().then(
      () => process.exit(0),
      (error) => {
        logger.error({ err: error }, 'stopping failed')
        process.exit(1)
      },
    )
  }
  process.once('SIGTERM', stop)
  process.once('SIGINT', stop)
  logger.info({ gateway: cloud.gatewayPort }, 'ready')
  await tellSupervisor({ kind: 'ready' })
} catch (error) {
  logger.fatal({ err: error }, 'the core can not start')
  const { message, hint } = explainFailure(error, directory)
  await tellSupervisor({ kind: 'failed', message, hint })
  process.exit(1)
}
