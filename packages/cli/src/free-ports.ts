/**
 * Loopback ports that are free now and likely to stay so: below the range from which operating systems give ports to
 * outgoing connections (32768 and up on Linux), since a cloud has to come back on the ports it had.
 */
import { randomInt } from 'node:crypto'
import { createServer } from 'node:net'

const lowest = 20_000
const highest = 32_000
const tries = 200

/** As many different ports as asked for. */
export async function freePorts(count: number): Promise<readonly number[]> {
  const found = new Set<number>()
  for (let attempt = 0; found.size < count; attempt += 1) {
    if (attempt === tries) throw new Error(`No ${count} free ports were found between ${lowest} and ${highest}.`)
    const port = randomInt(lowest, highest)
    if (!found.has(port) && (await isFree(port))) found.add(port)
  }
  return [...found]
}

/** Whether nothing listens on the loopback port. */
export function isFree(port: number): Promise<boolean> {
  return new Promise((resolve, reject) => {
    const server = createServer()
    server.once('error', (error: NodeJS.ErrnoException) => {
      if (error.code === 'EADDRINUSE' || error.code === 'EACCES') resolve(false)
      else reject(error)
    })
    server.listen(port, '127.0.0.1', () => server.close(() => resolve(true)))
  })
}
