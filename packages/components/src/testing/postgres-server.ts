/** A PostgreSQL server for the length of a test. */
import { execFileSync } from 'node:child_process'
import { chown, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { IssuedCertificate } from './certificates.ts'
import { freePort, type ServerProcess, serverProgram, serverUser, startServer } from './server-process.ts'

export interface PostgresServer {
  readonly port: number
  readonly user: string
  readonly password: string
  /** With user and password, for the database `postgres`. */
  readonly connectionString: string
  /** Ends the way a crash does. */
  kill(): Promise<void>
  /** On the same port, with everything that was committed. */
  restart(): Promise<void>
  close(): Promise<void>
}

export async function startPostgresServer(
  options: { readonly certificate?: IssuedCertificate } = {},
): Promise<PostgresServer> {
  const folder = await mkdtemp(join(tmpdir(), 'postgres-'))
  const own = async (path: string): Promise<void> => {
    if (serverUser) await chown(path, serverUser.uid, serverUser.gid)
  }
  const write = async (name: string, content: string): Promise<string> => {
    const path = join(folder, name)
    await writeFile(path, content, { mode: 0o600 })
    await own(path)
    return path
  }
  await own(folder)
  const password = 'for-the-length-of-a-test'
  const data = join(folder, 'data')
  const passwordFile = await write('password', password)
  execFileSync(
    serverProgram('initdb'),
    ['-D', data, '-U', 'owner', '--pwfile', passwordFile, '-A', 'scram-sha-256', '-E', 'UTF8', '--no-sync'],
    {
      cwd: folder,
      env: { LC_ALL: 'C', PATH: process.env.PATH },
      stdio: ['ignore', 'ignore', 'inherit'],
      ...serverUser,
    },
  )
  const port = await freePort()
  const settings = ['listen_addresses=127.0.0.1', `unix_socket_directories=${folder}`, `port=${port}`]
  if (options.certificate !== undefined) {
    settings.push('ssl=on', `ssl_cert_file=${await write('server.pem', options.certificate.certificate)}`)
    settings.push(`ssl_key_file=${await write('server.key', options.certificate.key)}`)
  }
  const start = (): Promise<ServerProcess> =>
    startServer(
      serverProgram('postgres'),
      ['-D', data, ...settings.flatMap((setting) => ['-c', setting])],
      /database system is ready to accept connections/,
      { cwd: folder, asUser: true },
    )
  let server = await start()
  return {
    port,
    user: 'owner',
    password,
    connectionString: `host=127.0.0.1 port=${port} user=owner password=${password} dbname=postgres`,
    kill: () => server.kill(),
    async restart() {
      // The server's other processes see only after a moment that it was killed, and it does not start beside them.
      for (const end = Date.now() + 30_000; ; ) {
        try {
          server = await start()
          return
        } catch (error) {
          if (!String(error).includes('pre-existing shared memory block') || Date.now() > end) throw error
        }
      }
    },
    async close() {
      // A crash's way leaves shared memory behind; the fast shutdown does not.
      if (server.child.exitCode === null && server.child.signalCode === null) await server.stop('SIGINT')
      await rm(folder, { recursive: true })
    },
  }
}
