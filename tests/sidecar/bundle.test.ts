import { access, cp, mkdtemp, readdir, readFile, rm, symlink, writeFile } from 'node:fs/promises'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Script } from 'node:vm'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { root, run, sidecarCommand } from '../support/cloud.ts'
import { Started } from '../support/started.ts'

const bundle = join(root, 'packages/sidecar/dist/bundle')
const node = join(root, 'node_modules/node/bin/node')
let folder: string

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'sidecar-bundle-'))
  await writeFile(join(folder, 'secrets.json'), '{"k1":"v1"}')
  await writeFile(
    join(folder, 'secrets.yaml'),
    `apiVersion: dapr.io/v1alpha1
kind: Component
metadata:
  name: secrets
spec:
  type: secretstores.local.file
  version: v1
  metadata:
  - name: secretsFile
    value: "${join(folder, 'secrets.json')}"
`,
  )
})
afterAll(() => rm(folder, { recursive: true, force: true }))

async function freePort(): Promise<number> {
  const server = createServer()
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const address = server.address()
  await new Promise((resolve) => server.close(resolve))
  if (typeof address !== 'object' || address === null) throw new Error('no port was given')
  return address.port
}

async function answers(command: string, ...before: string[]): Promise<string> {
  const [http, metrics, grpc] = [await freePort(), await freePort(), await freePort()]
  const ports = { 'dapr-http-port': http, 'metrics-port': metrics, 'dapr-grpc-port': grpc }
  const flags = Object.entries(ports).map(([name, port]) => `--${name}=${port}`)
  await using sidecar = new Started(command, [...before, '--app-id', 'app1', '--resources-path', folder, ...flags])
  await sidecar.until(/dapr initialized\. Status: Running\./)
  const response = await fetch(`http://127.0.0.1:${http}/v1.0/secrets/secrets/k1`)
  return await response.text()
}

it('starts through a link from anywhere', async () => {
  const link = join(folder, 'daprd')
  await symlink(sidecarCommand, link)
  expect(await answers(link)).toBe('{"k1":"v1"}\n')
  expect(await run('sh', ['keystead-sidecar', '--version'], { cwd: join(root, 'bin') })).toMatchObject({ code: 0 })
})

it('has code compiled ahead, which this Node takes, for what every start loads', async () => {
  const path = join(bundle, 'sidecar.cjs')
  const watcher = join(folder, 'watcher.cjs')
  await writeFile(
    watcher,
    `const vm = require('node:vm')
    vm.Script = class extends vm.Script {
      constructor(source, options) {
        super(source, options)
        console.error(options.filename, options.cachedData === undefined ? 'none' : this.cachedDataRejected)
      }
    }`,
  )
  // As the launcher starts it: the engine takes no code that was compiled under other flags.
  const env = { NODE_OPTIONS: `--require ${JSON.stringify(watcher)}` }
  const { stdout, stderr } = await run(sidecarCommand, ['--version'], { env })
  expect(stdout).toMatch(/^\d+\.\d+\.\d+\n$/)
  // In one file, but for the few helpers of the bundler's own.
  expect(stderr.split('\n').filter((line) => !line.includes('/chunks/rolldown-runtime-'))).toEqual([
    `${path} false`,
    '',
  ])
  expect(stderr).not.toMatch(/ (none|true)$/m)
})

it('starts without that code, or with code that is not its own', async () => {
  const copy = join(folder, 'copy')
  await cp(bundle, copy, { recursive: true })
  const caches = (await readdir(copy, { recursive: true })).filter((name) => name.endsWith('.cache'))
  expect(caches).toContain('sidecar.cjs.cache')
  for (const name of caches) await writeFile(join(copy, name), 'not code')
  expect(await answers(node, join(copy, 'keystead-sidecar.cjs'))).toBe('{"k1":"v1"}\n')
  await Promise.all(caches.map((name) => rm(join(copy, name))))
  expect(await answers(node, join(copy, 'keystead-sidecar.cjs'))).toBe('{"k1":"v1"}\n')
})

it('keeps what only Azure needs out of what every start loads', async () => {
  const start = await readFile(join(bundle, 'sidecar.cjs'), 'utf8')
  expect(start).not.toContain('x-ms-client-request-id')
  expect(start).toMatch(/^[\0-\x7f]*$/)
  await access(join(bundle, 'chunks'))
  // Valid where the bundle's first module puts it.
  expect(() => new Script(`(function (exports, require, module) {${start}\n})`)).not.toThrow()
})
