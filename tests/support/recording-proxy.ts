/** A proxy that a company might have: it notes what it is asked to connect to, and connects to nothing. */
import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'

export class RecordingProxy implements AsyncDisposable {
  /** `host:port` of each CONNECT, and the URL of each plain request. */
  readonly targets: string[] = []
  readonly #server = createServer((request, response) => {
    this.targets.push(request.url ?? '')
    response.writeHead(502).end()
  }).on('connect', (request, socket) => {
    this.targets.push(request.url ?? '')
    socket.on('error', () => socket.destroy())
    socket.end('HTTP/1.1 502 Bad Gateway\r\ncontent-length: 0\r\n\r\n')
  })

  static async start(): Promise<RecordingProxy> {
    const proxy = new RecordingProxy()
    await once(proxy.#server.listen(0, '127.0.0.1'), 'listening')
    return proxy
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#server.close()
    this.#server.closeAllConnections()
  }
}
