/** Loopback ports for replicas, which share the ports of this machine: none is given twice while its holder runs. */
import { randomInt } from 'node:crypto'
import { createServer } from 'node:net'

/** Below the range from which operating systems give ports to outgoing connections. */
const lowest = 20_000
const highest = 32_000
const tries = 200

export class Ports {
  readonly #taken = new Set<number>()

  /** `wanted` when nothing listens there and no replica has it, otherwise a free one. It has to be given back. */
  async take(wanted?: number): Promise<number> {
    if (wanted !== undefined && (await this.#reserve(wanted))) return wanted
    for (let attempt = 0; attempt < tries; attempt += 1) {
      const port = randomInt(lowest, highest)
      if (await this.#reserve(port)) return port
    }
    throw new Error(`No free port was found between ${lowest} and ${highest}.`)
  }

  giveBack(ports: readonly number[]): void {
    for (const port of ports) this.#taken.delete(port)
  }

  async #reserve(port: number): Promise<boolean> {
    if (this.#taken.has(port)) return false
    this.#taken.add(port)
    if (await isFree(port)) return true
    this.#taken.delete(port)
    return false
  }
}

/** On all addresses, since an app may listen on any. */
function isFree(port: number): Promise<boolean> {
  return new Promise((resolve, reject) => {
    const server = createServer()
    server.once('error', (error: NodeJS.ErrnoException) => {
      if (error.code === 'EADDRINUSE' || error.code === 'EACCES') resolve(false)
      else reject(error)
    })
    server.listen(port, '0.0.0.0', () => server.close(() => resolve(true)))
  })
}
