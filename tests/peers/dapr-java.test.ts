/** The Dapr SDK for Java against the sidecar: secrets and state, and the refusals that it shows its caller. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { freePort } from '@keystead/components/testing'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { root, run, sidecarCommand, succeed } from '../support/cloud.ts'
import { builtPeer } from '../support/peer-build.ts'
import { Started } from '../support/started.ts'

const sources = join(root, 'tests/peers/dapr-java')
let folder: string
let sidecar: Started
let outcome: Readonly<Record<string, unknown>>

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'dapr-java-'))
  await writeFile(join(folder, 'secrets.json'), '{"k":"grüße","other":"w","denied":"x"}')
  const component = (name: string, type: string, metadata = '') =>
    `apiVersion: dapr.io/v1alpha1\nkind: Component\nmetadata: {name: ${name}}\nspec: {type: ${type}, version: v1${metadata}}\n`
  const file = `, metadata: [{name: secretsFile, value: "${join(folder, 'secrets.json')}"}]`
  await writeFile(
    join(folder, 'components.yaml'),
    `${component('secrets', 'secretstores.local.file', file)}---\n${component('state', 'state.in-memory')}`,
  )
  const configuration = join(folder, 'configuration')
  await writeFile(
    configuration,
    `apiVersion: dapr.io/v1alpha1
kind: Configuration
metadata: {name: scoped}
spec: {secrets: {scopes: [{storeName: secrets, deniedSecrets: [denied]}]}}
`,
  )
  const [http, grpc, metrics] = [await freePort(), await freePort(), await freePort()]
  const flags = {
    ...{ 'app-id': 'app1', 'resources-path': folder, config: configuration, 'dapr-listen-addresses': '127.0.0.1' },
    ...{ 'dapr-http-port': http, 'dapr-grpc-port': grpc, 'metrics-port': metrics },
  }
  const args = Object.entries(flags).map(([name, value]) => `--${name}=${value}`)
  sidecar = new Started(sidecarCommand, args, { env: { ...process.env, DAPR_API_TOKEN: 'token of the api' } })
  await sidecar.until(/dapr initialized/)
  const built = await builtPeer({
    name: 'dapr-java',
    sources,
    tools: [
      ['java', '-version'],
      ['mvn', '-v', '-q'],
    ],
    needs: 'a JDK 17 or newer and Maven 3.8 or newer',
    build: async (output) => {
      await succeed(run('mvn', ['-q', '-B', `-Dpeer.build=${output}`, 'package'], { cwd: sources }))
    },
  })
  const java = ['-XX:TieredStopAtLevel=1', '-XX:+UseSerialGC', '-cp', `${built}/peer.jar:${built}/lib/*`]
  const env = {
    ...process.env,
    ...{ DAPR_GRPC_PORT: String(grpc), DAPR_HTTP_PORT: String(http), DAPR_API_TOKEN: 'token of the api' },
  }
  const { stdout } = await succeed(run('java', [...java, 'dev.keystead.peers.DaprPeer'], { env }))
  outcome = JSON.parse(stdout.trim().split('\n').at(-1) ?? '')
})

afterAll(async () => {
  await sidecar?.[Symbol.asyncDispose]()
  await rm(folder, { recursive: true, force: true })
})

test('gets secrets, one and all that the scope lets through', () => {
  expect(outcome).toMatchObject({
    secret: { k: 'grüße' },
    bulkSecret: { k: { k: 'grüße' }, other: { other: 'w' } },
  })
  expect(outcome['bulkSecret']).not.toHaveProperty('denied')
})

test('is told why a secret is refused', () => {
  expect(outcome).toMatchObject({
    noSuchStore: {
      code: 'INVALID_ARGUMENT',
      message: 'INVALID_ARGUMENT: failed finding secret store with key nowhere',
    },
    noSuchSecret: { code: 'INTERNAL', message: expect.stringContaining('secret absent not found') },
    deniedByScope: {
      code: 'PERMISSION_DENIED',
      message: 'PERMISSION_DENIED: access denied by policy to get "denied" from "secrets"',
    },
  })
})

test('saves, reads, changes and deletes state', () => {
  expect(outcome).toMatchObject({
    ...{ save: null, get: { item: 'teapot', amount: 1 }, hasEtag: true, saveWithEtag: null, transaction: null },
    ...{ bulkState: { a: null, b: { item: 'cup', amount: 4 } }, delete: null, afterDelete: null },
  })
})

test('is told why state is refused', () => {
  expect(outcome).toMatchObject({
    saveWithOldEtag: { code: 'ABORTED', message: expect.stringContaining('possible etag mismatch') },
    deleteWithOldEtag: { code: 'ABORTED', message: expect.stringContaining('possible etag mismatch') },
    saveInMissingStore: { message: expect.stringContaining('state store nowhere is not found') },
  })
})
