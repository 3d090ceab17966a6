/** The server that Prometheus scrapes. */
import type { Server } from 'node:http'
import { http } from '../http/builtin.ts'
import { listenOn } from '../http/listen.ts'
import type { MetricSource } from './series.ts'

export interface MetricsServer {
  readonly port: number
  close(): Promise<void>
}

/** Serves every path. The exporter is loaded with the first scrape. Rejects when it cannot listen. */
export async function startMetricsServer(
  address: string,
  port: number,
  sources: readonly MetricSource[],
  onError: (error: unknown) => void,
): Promise<MetricsServer> {
  let exposition: Promise<import('./exposition.ts').Exposition> | undefined
  const server: Server = http.createServer((_request, response) => {
    exposition ??= import('./exposition.ts').then(({ createExposition }) => createExposition(sources))
    exposition
      .then(async ({ contentType, text }) => {
        const body = await text()
        response.writeHead(200, { 'Content-Type': contentType }).end(body)
      })
      .catch((error: unknown) => {
        onError(error)
        response.writeHead(500).end()
      })
  })
  const bound = await listenOn(server, { port, host: address })
  return {
    port: bound,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve())
        server.closeAllConnections()
      }),
  }
}
