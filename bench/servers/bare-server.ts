/** The process that others are measured against: nothing but `node:http` or `node:https`, answering the same bytes. */
import { createServer, type RequestListener } from 'node:http'
import { createServer as createTlsServer } from 'node:https'
import type { AddressInfo } from 'node:net'
import type { BareAnswer, BareReady, BareSettings } from './bare.ts'

/** node:http's own headers come by themselves. */
const ownHeaders = new Set(['date', 'connection', 'keep-alive'])

function listenerOf(answer: BareAnswer): RequestListener {
  const headers = answer.rawHeaders.filter((_, index) => {
    const name = answer.rawHeaders[index - (index % 2)] ?? ''
    return !ownHeaders.has(name.toLowerCase())
  })
  const { status, body } = answer
  return (request, response) => {
    const reply = (): void => {
      response.writeHead(status, headers)
      response.end(body, 'latin1')
    }
    if (request.method === 'GET') {
      reply()
      return
    }
    const chunks: Buffer[] = []
    request.on('data', (chunk: Buffer) => chunks.push(chunk))
    request.on('end', reply)
  }
}

/** Milliseconds: as long as the other server says that it keeps a connection; 0, for ever, when it does not say. */
function keepAliveTimeout({ rawHeaders }: BareAnswer): number {
  const name = rawHeaders.findIndex((header, index) => index % 2 === 0 && header.toLowerCase() === 'keep-alive')
  const seconds = /^timeout=(\d+)$/.exec(rawHeaders[name + 1] ?? '')?.[1]
  return Number(seconds ?? 0) * 1000
}

/** A scratch authority that ends with the benchmark; loaded for TLS only, so that a bare server stays bare. */
async function openAuthority(directory: string) {
  const { openCertificateAuthority } = await import('@keystead/gateway')
  return openCertificateAuthority({
    directory,
    permittedSuffixes: ['vault.azure.net', 'management.azure.com'],
    clock: Date.now,
    seal: (plaintext) => plaintext,
    open: (sealed) => sealed,
  })
}

async function start(settings: BareSettings): Promise<void> {
  const { answer, tls } = settings
  const options = { keepAliveTimeout: keepAliveTimeout(answer) }
  const authority = tls ? await openAuthority(tls.directory) : undefined
  const server = authority
    ? createTlsServer(
        {
          ...options,
          ALPNProtocols: ['http/1.1'],
          SNICallback: (name, callback) => {
            authority.secureContext(name).then(
              (context) => callback(null, context),
              (error: Error) => callback(error),
            )
          },
        },
        listenerOf(answer),
      )
    : createServer(options, listenerOf(answer))
  server.listen(0, '127.0.0.1', () => {
    const { port } = server.address() as AddressInfo
    const ready: BareReady = { port, ...(authority ? { ca: authority.certificatePem } : {}) }
    process.send?.(ready)
  })
}

process.once('message', (settings: BareSettings) => void start(settings))
// The benchmark is gone, however it ended.
process.on('disconnect', () => process.exit(0))
