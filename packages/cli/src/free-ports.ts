/** Loopback ports that are free now. */
import { createServer, type Server } from 'node:net'

/** As many different ports as asked for: each is held until the last is found. */
export async function freePorts(count: number): Promise<readonly number[]> {
  const servers = await Promise.all(Array.from({ length: count }, () => bind(0)))
  return await Promise.all(servers.map(release))
}

/** `port` itself when it is free; 0 means any. Rejects with code EADDRINUSE otherwise. */
export async function freePort(port: number): Promise<number> {
  return await release(await bind(port))
}

function bind(port: number): Promise<Server> {
  return new Promise((resolve, reject) => {
    const server = createServer()
    server.once('error', reject)
    server.listen(port, '127.0.0.1', () => resolve(server))
  })
}

async function release(server: Server): Promise<number> {
  const address = server.address()
  await new Promise((resolve) => server.close(resolve))
  if (address === null || typeof address === 'string') throw new Error('The server was not bound to a port.')
  return address.port
}
