/** Microsoft's queue server as a child process, for the length of a test. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { createInterface } from 'node:readline'

export interface AzuriteQueue extends AsyncDisposable {
  readonly connectionString: string
}

export async function startAzuriteQueue(): Promise<AzuriteQueue> {
  const main = join(dirname(createRequire(import.meta.url).resolve('azurite/package.json')), 'dist/src/queue/main.js')
  const key = Buffer.from('a key for the length of one test').toString('base64')
  const folder = await mkdtemp(join(tmpdir(), 'azurite-'))
  const child = spawn(
    process.execPath,
    [main, '--inMemoryPersistence', '--queuePort', '0', '--skipApiVersionCheck', '--disableTelemetry'],
    { cwd: folder, env: { ...process.env, AZURITE_ACCOUNTS: `orders:${key}` }, stdio: ['ignore', 'pipe', 'inherit'] },
  )
  const exited = once(child, 'exit')
  for await (const line of createInterface(child.stdout)) {
    const endpoint = /listens on (http:\S+)/.exec(line)?.[1]
    if (endpoint === undefined) continue
    child.stdout.resume()
    return {
      connectionString: `DefaultEndpointsProtocol=http;AccountName=orders;AccountKey=${key};QueueEndpoint=${endpoint}/orders;`,
      async [Symbol.asyncDispose]() {
        child.kill('SIGTERM')
        await exited
        await rm(folder, { recursive: true })
      },
    }
  }
  throw new Error('Azurite ended before it listened')
}
