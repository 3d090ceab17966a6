/** Waiting until the app listens on its port (blockUntilAppIsReady). */
import { connect } from 'node:net'
import { setTimeout as delay } from 'node:timers/promises'
import type { AppProtocol } from '../cli/options.ts'
import type { Logger } from '../log/logger.ts'

export interface AppAddress {
  readonly host: string
  readonly port: number
  readonly protocol: AppProtocol
}

const dialTimeout = 500
const pause = 100

/** Resolves true when the app was found, false when `signal` was aborted first. */
export async function waitForApp(app: AppAddress, log: Logger, signal: AbortSignal): Promise<boolean> {
  log.info(
    `application protocol: ${app.protocol}. waiting on port ${app.port}.  This will block until the app is listening on that port.`,
  )
  for (let attempt = 1; ; attempt++) {
    if (signal.aborted) return false
    if (await dial(app)) break
    if (attempt % 100 === 0) log.info(`waiting for application to listen on port ${app.port}`)
    try {
      await delay(pause, undefined, { signal })
    } catch {
      return false
    }
  }
  log.info(`application discovered on port ${app.port}`)
  return true
}

/** Only whether something listens is asked, so nothing is sent, whatever the protocol. */
function dial({ host, port }: AppAddress): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ host, port })
    const settle = (found: boolean) => {
      socket.destroy()
      resolve(found)
    }
    socket.setTimeout(dialTimeout, () => settle(false))
    socket.once('connect', () => settle(true))
    socket.once('error', () => settle(false))
  })
}
