/** A Redis server for the length of a test. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { IssuedCertificate } from './certificates.ts'
import { freePort, type ServerProcess, serverProgram, startServer } from './server-process.ts'

export interface RedisServer {
  readonly port: number
  /** Ends the way a crash does. */
  kill(): Promise<void>
  /** On the same port, with what it had saved: nothing, unless it was asked to. */
  restart(): Promise<void>
  close(): Promise<void>
}

export interface RedisServerOptions {
  readonly password?: string
  /** TLS instead of plain TCP. */
  readonly certificate?: IssuedCertificate
  readonly arguments?: readonly string[]
}

export async function startRedisServer(options: RedisServerOptions = {}): Promise<RedisServer> {
  const folder = await mkdtemp(join(tmpdir(), 'redis-'))
  const port = await freePort()
  const args = ['--dir', folder, '--bind', '127.0.0.1', '--save', '', '--appendonly', 'yes', '--appendfsync', 'always']
  if (options.certificate === undefined) args.push('--port', String(port))
  else {
    await writeFile(join(folder, 'server.pem'), options.certificate.certificate)
    await writeFile(join(folder, 'server.key'), options.certificate.key)
    args.push('--port', '0', '--tls-port', String(port), '--tls-auth-clients', 'no')
    args.push('--tls-cert-file', join(folder, 'server.pem'), '--tls-key-file', join(folder, 'server.key'))
    args.push('--tls-ca-cert-file', join(folder, 'server.pem'))
  }
  if (options.password !== undefined) args.push('--requirepass', options.password)
  args.push(...(options.arguments ?? []))
  const start = (): Promise<ServerProcess> =>
    startServer(serverProgram('redis-server'), args, /Ready to accept connections/i, { cwd: folder })
  let server = await start()
  return {
    port,
    kill: () => server.kill(),
    async restart() {
      server = await start()
    },
    async close() {
      await server.kill()
      await rm(folder, { recursive: true })
    },
  }
}
