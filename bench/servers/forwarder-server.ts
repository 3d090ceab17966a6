/** The process that forwards requests to an app: the ingress, or what it is measured against. */
import { Agent, createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { ForwarderReady, ForwarderSettings } from './forwarder.ts'

async function startIngress({ app, host }: ForwarderSettings): Promise<number> {
  const { Ingress } = await import('@keystead/container-apps')
  const [appName = '', ...domain] = host.split('.')
  const ingress = await Ingress.start({
    replicas: { addresses: () => [app], wake: () => false, onChange: () => () => {} },
    ports: { plain: 0, secure: 0 },
    secureContext: () => Promise.reject(new Error('Plain HTTP is measured.')),
    log: () => {},
  })
  ingress.route({
    place: { appId: appName, appName, environmentId: '', environmentName: '', defaultDomain: domain.join('.') },
    external: true,
    transport: 'auto',
    allowInsecure: true,
    stickySessions: false,
    traffic: [{ revision: `${appName}--1`, weight: 100 }],
    ipRestrictions: [],
  })
  return ingress.ports.plain
}

/** With connections that are kept, which is not its default but is faster. */
async function startHttpProxy({ app }: ForwarderSettings): Promise<number> {
  const { default: httpProxy } = await import('http-proxy')
  const proxy = httpProxy.createProxyServer({ target: app, xfwd: true, agent: new Agent({ keepAlive: true }) })
  const server = createServer((request, response) => proxy.web(request, response))
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return (server.address() as AddressInfo).port
}

process.once('message', (settings: ForwarderSettings) => {
  void (settings.forwarder === 'ingress' ? startIngress(settings) : startHttpProxy(settings)).then((port) => {
    process.send?.({ port } satisfies ForwarderReady)
  })
})
// The benchmark is gone, however it ended.
process.on('disconnect', () => process.exit(0))
