/** Joins two sockets, byte for byte, until both ways are closed. */
import type { Socket } from 'node:net'

/** Milliseconds for which a tunnel may be silent once one side has said that it sends no more. */
const HALF_OPEN_IDLE = 300_000

/** Pipes both ways; an end on one side is passed on, an error or a close takes the other side with it. */
export function joinSockets(client: Socket, server: Socket): void {
  for (const [from, to] of [
    [client, server],
    [server, client],
  ] as const) {
    from.setKeepAlive(true, 60_000)
    from.on('error', () => {})
    // After an orderly end the other side may still have bytes to write out. After any other it is reset, so that
    // what was cut off does not look complete.
    from.once('close', (hadError) => {
      if (hadError || !from.readableEnded) to.resetAndDestroy()
    })
    from.once('end', () => to.setTimeout(HALF_OPEN_IDLE, () => to.destroy()))
    from.pipe(to)
  }
}
