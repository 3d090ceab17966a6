/** A sidecar on local stores: Keystead's, or a daprd, which takes the same flags. */
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { root } from './command.ts'
import { freePorts } from './ports.ts'
import { type Address, send } from './wire.ts'

export const keysteadSidecar = join(root, 'bin/keystead-sidecar')

const secretStore = (folder: string) => `apiVersion: dapr.io/v1alpha1
kind: Component
metadata:
  name: secretstore
spec:
  type: secretstores.local.file
  version: v1
  metadata:
    - name: secretsFile
      value: ${join(folder, 'secrets.json')}
`

const stateStore = `apiVersion: dapr.io/v1alpha1
kind: Component
metadata:
  name: statestore
spec:
  type: state.in-memory
  version: v1
`

export interface SidecarServer extends AsyncDisposable {
  readonly pid: number
  readonly address: Address
  readonly grpcPort: number
  /** Milliseconds from its start to the first good answer of its health endpoint. */
  readonly startedInMs: number
}

/** A folder with the two component files; deleted when disposed. */
export async function makeComponents(): Promise<AsyncDisposable & { readonly folder: string }> {
  const folder = await mkdtemp(join(tmpdir(), 'keystead-bench-sidecar-'))
  const components = join(folder, 'secretstore.yaml')
  await writeFile(components, secretStore(folder))
  await writeFile(join(folder, 'statestore.yaml'), stateStore)
  await writeFile(
    join(folder, 'secrets.json'),
    JSON.stringify({
      'database-password': 'not-a-secret-but-as-long-as-one',
      'storage-account-key': 'not-a-secret-but-as-long-as-a-key-of-an-account-for-storage-in-base64-with-its-end==',
      'signing-key': 'not-a-secret',
    }),
  )
  return { folder, [Symbol.asyncDispose]: () => rm(folder, { recursive: true, force: true }) }
}

/** Resolves once it is healthy. Rejects, with what it logged, when it ends before that. */
export async function startSidecar(executable: string, folder: string): Promise<SidecarServer> {
  const [http = 0, grpc = 0, internal, metrics] = await freePorts(4)
  const flags = {
    'app-id': 'bench',
    'resources-path': folder,
    'dapr-http-port': http,
    'dapr-grpc-port': grpc,
    'dapr-internal-grpc-port': internal,
    'metrics-port': metrics,
  }
  const args = Object.entries(flags).flatMap(([name, value]) => [`--${name}`, String(value)])
  const begin = performance.now()
  const child = spawn(executable, args, { stdio: ['ignore', 'pipe', 'pipe'] })
  const log: string[] = []
  for (const stream of [child.stdout, child.stderr]) stream.setEncoding('utf8').on('data', (text) => log.push(text))
  const address = { port: http }
  try {
    await healthy(address, child)
  } catch (error) {
    child.kill('SIGKILL')
    throw new Error(`${executable} did not become healthy:\n${log.join('')}`, { cause: error })
  }
  const startedInMs = performance.now() - begin
  return {
    pid: child.pid ?? 0,
    address,
    grpcPort: grpc,
    startedInMs,
    async [Symbol.asyncDispose]() {
      if (child.exitCode !== null || child.signalCode !== null) return
      child.kill('SIGTERM')
      await once(child, 'exit')
    },
  }
}

const patienceMs = 60_000

async function healthy(address: Address, child: ChildProcess): Promise<void> {
  const deadline = Date.now() + patienceMs
  while (child.exitCode === null && child.signalCode === null && Date.now() < deadline) {
    try {
      const { status } = await send(address, { method: 'GET', path: '/v1.0/healthz', headers: {} })
      if (status === 204) return
    } catch {
      // Not listening yet.
    }
    await new Promise((resolve) => setTimeout(resolve, 1))
  }
  throw new Error(child.exitCode === null ? 'It took too long.' : `It ended with exit code ${child.exitCode}.`)
}
