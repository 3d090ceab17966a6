/** A port for gRPC that costs a start nothing: what serves it is loaded with the first connection. */
import { createServer, type Server, type Socket } from 'node:net'
import type { Transport } from './transport.ts'

export interface GrpcListener {
  /** Not listening yet. */
  readonly server: Server
  /** Takes no new connections, lets calls finish, and resolves when all are closed; at the latest after `graceMs`. */
  close(graceMs: number): Promise<void>
}

/** `load` is called once; when it rejects, connections are closed and `failed` told. */
export function createGrpcListener(load: () => Promise<Transport>, failed: (error: unknown) => void): GrpcListener {
  let transport: Promise<Transport> | undefined
  const waiting = new Set<Socket>()
  const accept = (socket: Socket) => {
    // Until the transport has it, an error is nobody else's.
    const ignore = () => undefined
    socket.on('error', ignore)
    waiting.add(socket)
    transport ??= load()
    transport
      .then((loaded) => {
        waiting.delete(socket)
        if (socket.destroyed) return
        loaded.accept(socket)
      })
      .catch((error: unknown) => {
        socket.destroy()
        failed(error)
      })
  }
  const server = createServer({ pauseOnConnect: false }, accept)
  return {
    server,
    async close(graceMs) {
      const closed = new Promise<void>((resolve) => {
        if (server.listening) server.close(() => resolve())
        else resolve()
      })
      const loaded = await transport?.catch(() => undefined)
      for (const socket of waiting) socket.destroy()
      await loaded?.close(graceMs)
      await closed
    },
  }
}
