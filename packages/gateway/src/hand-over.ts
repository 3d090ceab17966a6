/** The way to hosts that another process on this machine answers for: what the gateway does not read, it does not hold up. */
import { request } from 'node:http'
import { connect, type Socket } from 'node:net'
import type { HostRoute, LoopbackPorts } from './host-table.ts'
import type { Outbound } from './outbound.ts'
import { ProxyError } from './proxy-error.ts'

const LOOPBACK = '127.0.0.1'

/** Port 80 leads to the plain port, every other to the one for TLS. The connection comes from the client's own address. */
export function handOver(route: HostRoute & { readonly kind: 'elsewhere' }, client: Socket): Outbound {
  function ports(): LoopbackPorts {
    const listening = route.ports()
    if (!listening) throw new ProxyError(502, `what answers for ${route.host} is not running: try again`)
    return listening
  }

  // The whole of 127.0.0.0/8 is this machine's on Linux, so that a client with an address of its own keeps it.
  const localAddress = client.remoteAddress?.startsWith('127.') ? client.remoteAddress : LOOPBACK

  return {
    async tunnel(target, signal) {
      const { plain, secure } = ports()
      const port = target.port === 80 ? plain : secure
      const socket = connect({ host: LOOPBACK, port, localAddress, allowHalfOpen: true, noDelay: true, signal })
      await new Promise<void>((resolve, reject) => {
        // Stays when the connection stands: an error then has no one to reject, and must not end the process either.
        socket.on('error', reject)
        socket.once('connect', resolve)
      })
      return { socket, head: Buffer.alloc(0) }
    },

    async request(_target, { method, path, headers }) {
      return request({ host: LOOPBACK, port: ports().plain, localAddress, method, path, headers, agent: false })
    },
  }
}
