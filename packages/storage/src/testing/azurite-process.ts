/** A real Azurite as a child process, started as the supervisor starts it. */
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { createServer } from 'node:net'
import { azuriteCommand, createAzuriteSecret } from '../azurite/command.ts'

export interface AzuriteProcess {
  readonly secret: string
  readonly blob: string
  readonly queue: string
  /** What it printed, on both streams. */
  readonly printed: string[]
  readonly argv: readonly string[]
  start(): Promise<void>
  /** Resolves when the process is gone; to its exit code. */
  stop(signal: NodeJS.Signals): Promise<number | null>
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  server.close()
  await once(server, 'close')
  if (address === null || typeof address === 'string') throw new Error('no port')
  return address.port
}

export async function azuriteProcess(directory: string, debugLog?: string): Promise<AzuriteProcess> {
  const [blobPort, queuePort] = [await freePort(), await freePort()]
  const secret = createAzuriteSecret()
  const { command, args, environment } = azuriteCommand({
    directory,
    blobPort,
    queuePort,
    secret,
    ...(debugLog === undefined ? {} : { debugLog }),
  })
  const printed: string[] = []
  let child: ChildProcess | undefined
  return {
    secret,
    blob: `http://127.0.0.1:${blobPort}`,
    queue: `http://127.0.0.1:${queuePort}`,
    printed,
    argv: [command, ...args],
    async start() {
      const started = spawn(command, args, { env: { ...environment }, stdio: ['ignore', 'pipe', 'pipe'] })
      child = started
      await new Promise<void>((resolve, reject) => {
        started.once('exit', (code) => reject(new Error(`Azurite exited with ${code}: ${printed.join('')}`)))
        for (const stream of [started.stdout, started.stderr]) {
          stream.on('data', (chunk: Buffer) => {
            printed.push(chunk.toString('utf8'))
            if (printed.join('').includes('azurite: ready')) resolve()
          })
        }
      })
      printed.push('\n')
    },
    async stop(signal) {
      const running = child
      child = undefined
      if (running === undefined || running.exitCode !== null || running.signalCode !== null)
        return running?.exitCode ?? null
      const exited = once(running, 'exit')
      running.kill(signal)
      await exited
      printed.length = 0
      return running.exitCode
    },
  }
}
