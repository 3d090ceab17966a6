/** A database server as a child process: what it needs installed, what it says, and its end. */
import { type ChildProcess, execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, globSync } from 'node:fs'
import { createServer } from 'node:net'
import { delimiter, join } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'

const install = fileURLToPath(new URL('../../../../scripts/install-servers.sh', import.meta.url))

/** The path of a server's program, which is installed where it is missing. */
export function serverProgram(name: string): string {
  const found = find(name)
  if (found !== undefined) return found
  execFileSync('sh', [install], { stdio: ['ignore', 'inherit', 'inherit'] })
  const installed = find(name)
  if (installed === undefined) throw new Error(`${name} is not on PATH`)
  return installed
}

function find(name: string): string | undefined {
  const folders = [
    ...(process.env.PATH ?? '').split(delimiter),
    ...globSync('/usr/lib/postgresql/*/bin').sort().reverse(),
  ]
  return folders.map((folder) => join(folder, name)).find((path) => existsSync(path))
}

/** Some servers refuse to run as root: the user to run them as then. */
export const serverUser: { readonly uid: number; readonly gid: number } | undefined =
  process.getuid?.() === 0 ? { uid: 65534, gid: 65534 } : undefined

/** A loopback port that was free a moment ago. */
export async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  server.close()
  await once(server, 'close')
  return typeof address === 'object' && address !== null ? address.port : 0
}

export interface ServerProcess {
  readonly child: ChildProcess
  /** Ends it the hard way and waits until it is gone. */
  kill(): Promise<void>
  stop(signal?: NodeJS.Signals): Promise<void>
}

/** Starts a server and waits for the line that says that it is ready. Rejects with what it said when it ends before. */
export async function startServer(
  command: string,
  args: readonly string[],
  ready: RegExp,
  options: { readonly cwd: string; readonly asUser?: boolean },
): Promise<ServerProcess> {
  const child = spawn(command, args, {
    cwd: options.cwd,
    env: { PATH: process.env.PATH, LC_ALL: 'C' },
    stdio: ['ignore', 'pipe', 'pipe'],
    ...(options.asUser && serverUser),
  })
  const exited = once(child, 'exit')
  const said: string[] = []
  await new Promise<void>((resolve, reject) => {
    const take = (line: string): void => {
      if (said.length < 200) said.push(line)
      if (ready.test(line)) resolve()
    }
    for (const stream of [child.stdout, child.stderr]) createInterface(stream).on('line', take)
    exited.then(() => reject(new Error(`${command} ended before it was ready:\n${said.join('\n')}`)), reject)
  })
  const end = async (signal: NodeJS.Signals): Promise<void> => {
    child.kill(signal)
    await exited
  }
  return { child, kill: () => end('SIGKILL'), stop: (signal = 'SIGTERM') => end(signal) }
}
