import { once } from 'node:events'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { ComponentRegistry, SecretStore } from '@keystead/components'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { readSidecarOptions, readSizes } from '../cli/options.ts'
import { parseFlags } from '../cli/parse-flags.ts'
import { createLogOutput } from '../log/logger.ts'
import { freePort } from '../testing/sidecar-process.ts'
import { createRuntime, type Runtime } from './runtime.ts'

// A store that answers when the test says so; closing is noted.
let release: (value: string) => void
let asked: PromiseWithResolvers<AbortSignal>
let events: string[]
let folder: string
let runtime: Runtime
let running: Promise<unknown>
let port: number

beforeEach(async () => {
  asked = Promise.withResolvers<AbortSignal>()
  events = []
  folder = mkdtempSync(join(tmpdir(), 'sidecar-lifecycle-'))
  writeFileSync(
    join(folder, 'a.yaml'),
    'apiVersion: dapr.io/v1alpha1\nkind: Component\nmetadata: {name: slow}\nspec: {type: secretstores.slow, version: v1}\n',
  )
  const store: SecretStore = {
    features: [],
    getSecret: (name, _, signal) =>
      new Promise((resolve) => {
        release = (value) => resolve({ [name]: value })
        asked.resolve(signal)
      }),
    bulkGetSecret: async () => ({}),
    close: async () => void events.push('closed'),
  }
  const registry: ComponentRegistry = {
    types: [],
    deprecation: () => undefined,
    factory: async () => ({ block: 'secretstores', init: async () => store }),
  }
  port = await freePort()
  const flags = parseFlags([
    ...['--app-id', 'a', '--resources-path', folder, '--dapr-http-port', String(port), '--enable-metrics=false'],
    ...['--dapr-grpc-port', String(await freePort()), '--dapr-listen-addresses', '127.0.0.1'],
  ])
  runtime = createRuntime(readSidecarOptions(flags, readSizes(flags), {}), {
    registry,
    output: createLogOutput({
      appId: 'a',
      instance: 'h',
      version: '1',
      level: 'fatal',
      json: false,
      write: (line) => events.push(line),
    }),
    onGraceExceeded: () => events.push('grace exceeded'),
    onForcedShutdown: () => events.push('forced'),
  })
  running = runtime.run()
  await runtime.ready
})

afterEach(async () => {
  runtime.stop()
  await running
  rmSync(folder, { recursive: true, force: true })
})

it('finishes a request that is under way before it closes the component', async () => {
  const answer = fetch(`http://127.0.0.1:${port}/v1.0/secrets/slow/k`)
  await asked.promise
  runtime.stop()
  await new Promise(setImmediate)
  // It listens no more, and has closed nothing yet.
  const [refused] = await once(connect(port, '127.0.0.1'), 'error')
  expect(refused).toMatchObject({ code: 'ECONNREFUSED' })
  expect(events).toEqual([])
  release('v')
  const response = await answer
  expect([response.status, await response.text()]).toEqual([200, '{"k":"v"}\n'])
  await running
  expect(events).toEqual(['closed'])
})

it('aborts the call of a store when its caller hangs up', async () => {
  const socket = connect(port, '127.0.0.1')
  await once(socket, 'connect')
  socket.write('GET /v1.0/secrets/slow/k HTTP/1.1\r\nHost: x\r\n\r\n')
  const signal = await asked.promise
  expect(signal.aborted).toBe(false)
  const aborted = once(signal, 'abort')
  socket.destroy()
  await aborted
  release('late')
})
