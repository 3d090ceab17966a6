/** A sidecar process for tests: started from the sources, its log lines awaited, stopped at the end. */
import { type ChildProcess, spawn } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

const entry = fileURLToPath(new URL('../main.ts', import.meta.url))

export interface SidecarProcess {
  readonly url: string
  readonly httpPort: number
  readonly grpcPort: number
  readonly metricsPort: number
  readonly folder: string
  readonly lines: readonly string[]
  readonly exit: Promise<number | null>
  readonly child: ChildProcess
  /** Resolves with the first line that has the text, those already there counting. Rejects when the process ends without it. */
  line(text: string): Promise<string>
  stop(): Promise<number | null>
}

export interface SidecarSetup {
  /** File name to content, in the resources folder. `{folder}` stands for its path. */
  readonly resources?: Readonly<Record<string, string>>
  readonly args?: readonly string[]
  readonly environment?: Readonly<Record<string, string>>
}

/** A port that was free a moment ago. */
export function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer()
    server.once('error', reject)
    server.listen(0, '127.0.0.1', () => {
      const address = server.address()
      const port = typeof address === 'object' && address !== null ? address.port : 0
      server.close(() => resolve(port))
    })
  })
}

export async function startSidecar(setup: SidecarSetup = {}): Promise<SidecarProcess> {
  const folder = mkdtempSync(join(tmpdir(), 'sidecar-test-'))
  for (const [name, content] of Object.entries(setup.resources ?? {})) {
    writeFileSync(join(folder, name), content.replaceAll('{folder}', folder))
  }
  const [httpPort, grpcPort, metricsPort] = [await freePort(), await freePort(), await freePort()]
  const flags = {
    'app-id': 'app1',
    'resources-path': folder,
    'dapr-http-port': String(httpPort),
    'dapr-grpc-port': String(grpcPort),
    'metrics-port': String(metricsPort),
  }
  const given = setup.args ?? []
  const args = Object.entries(flags).flatMap(([name, value]) =>
    given.includes(`--${name}`) ? [] : [`--${name}`, value],
  )
  const child = spawn(
    process.execPath,
    [
      '--conditions=keystead-source',
      '--disable-warning=ExperimentalWarning',
      entry,
      ...args,
      ...given.map((arg) => arg.replaceAll('{folder}', folder)),
    ],
    { env: { PATH: process.env['PATH'], ...setup.environment }, stdio: ['ignore', 'pipe', 'pipe'] },
  )
  const lines: string[] = []
  const waiters = new Set<() => void>()
  let rest = ''
  const take = (chunk: string) => {
    const parts = (rest + chunk).split('\n')
    rest = parts.pop() ?? ''
    lines.push(...parts)
    for (const waiter of waiters) waiter()
  }
  child.stdout?.setEncoding('utf8').on('data', take)
  child.stderr?.setEncoding('utf8').on('data', take)
  let ended = false
  const exit = new Promise<number | null>((resolve) => {
    child.once('close', (code) => {
      ended = true
      for (const waiter of waiters) waiter()
      rmSync(folder, { recursive: true, force: true })
      resolve(code)
    })
  })
  return {
    url: `http://127.0.0.1:${httpPort}`,
    httpPort,
    grpcPort,
    metricsPort,
    folder,
    lines,
    exit,
    child,
    line(text) {
      return new Promise((resolve, reject) => {
        const look = () => {
          const found = lines.find((line) => line.includes(text))
          if (found !== undefined) resolve(found)
          else if (ended) reject(new Error(`the sidecar ended without ${text}:\n${lines.join('\n')}`))
          else return
          waiters.delete(look)
        }
        waiters.add(look)
        look()
      })
    },
    async stop() {
      if (!ended) child.kill('SIGTERM')
      return exit
    },
  }
}
