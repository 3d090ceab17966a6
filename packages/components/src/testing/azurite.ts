/** Microsoft's storage server as a child process, for the length of a test. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { createInterface } from 'node:readline'

export interface Azurite {
  readonly endpoint: string
  readonly accountName: string
  readonly accountKey: string
  close(): Promise<void>
}

export async function startAzurite(): Promise<Azurite> {
  const main = join(dirname(createRequire(import.meta.url).resolve('azurite/package.json')), 'dist/src/blob/main.js')
  const accountName = 'orders'
  const accountKey = Buffer.from('a key for the length of one test').toString('base64')
  const folder = await mkdtemp(join(tmpdir(), 'azurite-'))
  const child = spawn(
    process.execPath,
    [main, '--inMemoryPersistence', '--blobPort', '0', '--skipApiVersionCheck', '--disableTelemetry'],
    {
      cwd: folder,
      env: { ...process.env, AZURITE_ACCOUNTS: `${accountName}:${accountKey}` },
      stdio: ['ignore', 'pipe', 'inherit'],
    },
  )
  const exited = once(child, 'exit')
  const endpoint = await listening(createInterface(child.stdout), exited)
  child.stdout.resume()
  return {
    endpoint,
    accountName,
    accountKey,
    async close() {
      child.kill('SIGTERM')
      await exited
      await rm(folder, { recursive: true })
    },
  }
}

async function listening(lines: AsyncIterable<string>, exited: Promise<unknown>): Promise<string> {
  const found = (async () => {
    for await (const line of lines) {
      const address = /listens on (http:\S+)/.exec(line)?.[1]
      if (address !== undefined) return address
    }
    return undefined
  })()
  const address = await Promise.race([found, exited.then(() => undefined)])
  if (address === undefined) throw new Error('Azurite ended before it listened')
  return address
}
