/** Loopback ports for tests that run side by side. */
import { randomInt } from 'node:crypto'
import { createServer } from 'node:net'

/**
 * A port that is free and that nobody takes by chance while its owner is down: neither the operating system, for
 * outgoing connections, nor `keystead`, which chooses from 20000 on.
 */
export async function quietPort(): Promise<number> {
  for (;;) {
    const port = randomInt(10_000, 20_000)
    if (await canListen(port)) return port
  }
}

function canListen(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer()
    server.once('error', () => resolve(false))
    server.listen(port, '127.0.0.1', () => server.close(() => resolve(true)))
  })
}
