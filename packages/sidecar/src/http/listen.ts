/** Listening, as a promise. */
import { isIPv4, type Server } from 'node:net'

export type ListenTarget = { readonly port: number; readonly host?: string } | { readonly path: string }

/** The port in use, 0 for a socket file. Rejects with the system's error. */
export function listenOn(server: Server, target: ListenTarget): Promise<number> {
  return new Promise((resolve, reject) => {
    server.once('error', reject)
    server.once('listening', () => {
      server.off('error', reject)
      const address = server.address()
      resolve(typeof address === 'object' && address !== null ? address.port : 0)
    })
    if (!listenDirectly(server, target)) server.listen(target)
  })
}

const backlog = 511

/**
 * Binds every address, or an IPv4 one, without the resolver and the cluster module, which `listen` loads even then: they
 * take a sixth of a start. False where this Node has no such way, or the target is something else.
 */
function listenDirectly(server: Server & { _listen2?: unknown }, target: ListenTarget): boolean {
  if ('path' in target || (target.host !== undefined && !isIPv4(target.host))) return false
  if (typeof server._listen2 !== 'function') return false
  server._listen2(target.host ?? null, target.port, 4, backlog, undefined, 0)
  return true
}
