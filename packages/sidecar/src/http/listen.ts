/** Listening, as a promise. */
import type { Server } from 'node:net'

export type ListenTarget = { readonly port: number; readonly host?: string } | { readonly path: string }

/** The port in use, 0 for a socket file. Rejects with the system's error. */
export function listenOn(server: Server, target: ListenTarget): Promise<number> {
  return new Promise((resolve, reject) => {
    const failed = (error: Error) => reject(error)
    server.once('error', failed)
    server.listen(target, () => {
      server.off('error', failed)
      const address = server.address()
      resolve(typeof address === 'object' && address !== null ? address.port : 0)
    })
  })
}
