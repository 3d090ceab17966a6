/** The Dapr SDK for Java against the sidecar: secrets and state, and the refusals that it shows its caller. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { freePort } from '@keystead/components/testing'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { run, sidecarCommand, succeed } from '../support/cloud.ts'
import { javaPeer } from '../support/java-peer.ts'
import { writeLocalComponents } from '../support/local-components.ts'
import { Started } from '../support/started.ts'

let folder: string
let sidecar: Started
let outcome: Readonly<Record<string, unknown>>

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'dapr-java-'))
  await writeLocalComponents(folder, '{"k":"grüße","other":"w","denied":"x"}')
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
  const [java, ...words] = await javaPeer('dapr-java', 'dev.keystead.peers.DaprPeer')
  const env = {
    ...process.env,
    ...{ DAPR_GRPC_PORT: String(grpc), DAPR_HTTP_PORT: String(http), DAPR_API_TOKEN: 'token of the api' },
  }
  const { stdout } = await succeed(run(java, words, { env }))
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
