// Runs the sidecar's bundle once with every kind of component, so that what was compiled then can be stored beside it.
// Nothing leaves the machine: the Azure components are asked for nothing.
import { spawn } from 'node:child_process'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

/** Run as it will be: the engine refuses code that was compiled under other flags. */
const launcher = fileURLToPath(new URL('../bin/keystead-sidecar', import.meta.url))
const recorder = fileURLToPath(new URL('record-code.cjs', import.meta.url))

const component = (name, type, version, metadata) =>
  `apiVersion: dapr.io/v1alpha1
kind: Component
metadata:
  name: ${name}
spec:
  type: ${type}
  version: ${version}
  metadata:
${Object.entries(metadata)
  .map(([key, value]) => `  - name: ${key}\n    value: "${value}"\n`)
  .join('')}`

async function freePort() {
  const server = createServer()
  await new Promise((resolve, reject) => server.once('error', reject).listen(0, '127.0.0.1', resolve))
  const { port } = server.address()
  await new Promise((resolve) => server.close(resolve))
  return port
}

const folder = await mkdtemp(join(tmpdir(), 'keystead-build-'))
try {
  await writeFile(join(folder, 'secrets.json'), '{"name":"value","nested":{"name":"value"}}')
  await writeFile(
    join(folder, 'components.yaml'),
    [
      component('file', 'secretstores.local.file', 'v1', { secretsFile: join(folder, 'secrets.json') }),
      component('memory', 'state.in-memory', 'v1', { unused: '' }),
      component('vault', 'secretstores.azure.keyvault', 'v1', { vaultName: 'none', azureAuthMethods: 'mi' }),
      component('blob', 'state.azure.blobstorage', 'v2', {
        accountName: 'none',
        accountKey: 'bm9uZQ==',
        containerName: 'none',
        disableEntityManagement: 'true',
      }),
    ].join('---\n'),
  )
  const [http, metrics, grpc] = [await freePort(), await freePort(), await freePort()]
  const child = spawn(
    launcher,
    [
      ...['--app-id', 'build', '--resources-path', folder],
      ...['--dapr-listen-addresses', '127.0.0.1', '--metrics-listen-address', '127.0.0.1'],
      ...['--dapr-http-port', http, '--dapr-grpc-port', grpc, '--metrics-port', metrics].map(String),
    ],
    { env: { NODE_OPTIONS: `--require ${JSON.stringify(recorder)}` }, stdio: ['ignore', 'pipe', 'inherit'] },
  )
  let log = ''
  const ended = new Promise((resolve) => child.once('close', resolve))
  const ready = new Promise((resolve) => {
    child.stdout.setEncoding('utf8').on('data', (text) => {
      log += text
      if (log.includes('dapr initialized')) resolve()
    })
  })
  await Promise.race([ready, ended])
  if (child.exitCode !== null) throw new Error(`the sidecar ended: ${log}`)
  const api = `http://127.0.0.1:${http}/v1.0`
  for (const [url, init] of [
    [`${api}/healthz`],
    [`${api}/secrets/file/name`],
    [`${api}/state/memory`, { method: 'POST', body: '[{"key":"a","value":1}]' }],
    [`${api}/state/memory/a`],
    [`http://127.0.0.1:${metrics}/`],
  ]) {
    const response = await fetch(url, init)
    await response.arrayBuffer()
    if (!response.ok) throw new Error(`${url} answered ${response.status}: ${log}`)
  }
  child.kill('SIGTERM')
  await ended
} finally {
  await rm(folder, { recursive: true, force: true })
}
