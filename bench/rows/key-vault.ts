/** Key Vault's `GET secret` over TLS: against bare `node:https`, and against itself with few secrets. */
import { compare, type Measured } from '../measure.ts'
import type { Bench, RowResult, Scenario } from '../row.ts'
import { startBareServer } from '../servers/bare.ts'
import { Cloud, vaultHost } from '../servers/cloud.ts'
import { send, serialize, type WireRequest } from '../servers/wire.ts'
import { comparisonRow } from './comparison-row.ts'

const connections = 32
const tokenCount = 1000
const secretCount = 1000
const versionsPerSecret = 10
/** Different requests: enough that secrets are read from all over a large database. */
const requestCount = 20_000

const row = { database: 'key-vault/database', cache: 'key-vault/cache', versions: 'key-vault/versions' } as const

/** Of the same length, so that answers are as well. */
function secretNames(count: number): readonly string[] {
  return Array.from({ length: count }, (_, index) => `secret-${String(index).padStart(8, '0')}`)
}

function getSecret(name: string, token: string): WireRequest {
  return {
    method: 'GET',
    path: `/secrets/${name}?api-version=7.5`,
    headers: { Host: vaultHost, Authorization: `Bearer ${token}`, Accept: 'application/json' },
  }
}

/** Every token in turn, every secret as often as the others, in an order that no cache likes. */
function requestsFor(names: readonly string[], tokens: readonly string[], count: number): readonly WireRequest[] {
  // A step that shares no factor with the number of names comes by every one of them.
  const step = 611_953
  return Array.from({ length: count }, (_, index) =>
    getSecret(names[(index * step) % names.length] ?? '', tokens[index % tokens.length] ?? ''),
  )
}

async function measuredVault(cloud: Cloud, requests: readonly WireRequest[]): Promise<Measured> {
  const address = cloud.address(vaultHost)
  return {
    pid: await cloud.core(),
    target: { ...address, connections, requests: requests.map(serialize), status: 200 },
  }
}

export const keyVaultAgainstBare: Scenario = {
  rows: [row.database, row.cache],
  async run(bench, wanted) {
    const rows: RowResult[] = []
    if (wanted.has(row.database)) rows.push(await againstBare(bench, row.database, 0.4, { cacheBytes: 0 }))
    if (wanted.has(row.cache)) rows.push(await againstBare(bench, row.cache, 0.7, {}))
    return rows
  },
}

async function againstBare(
  bench: Bench,
  name: string,
  least: number,
  options: { readonly cacheBytes?: number },
): Promise<RowResult> {
  bench.progress(`${name}: GET secret over TLS, ${tokenCount} tokens, against bare node:https`)
  await using cloud = await Cloud.start(options)
  const names = secretNames(secretCount)
  await cloud.makeVault(names, 1)
  const tokens = await cloud.vaultTokens(tokenCount)
  const requests = requestsFor(names, tokens, tokenCount)
  const [first] = requests
  if (!first) throw new Error('There is no request.')
  const answer = await send(cloud.address(vaultHost), first)
  if (answer.status !== 200) throw new Error(`GET secret answered ${answer.status}: ${answer.body}`)
  await using bare = await startBareServer(first, answer, vaultHost)
  const subject = await measuredVault(cloud, requests)
  const reference: Measured = { pid: bare.pid, target: { ...subject.target, ...bare.address } }
  const comparison = await compare(bench, subject, reference, bench.processors.server)
  const from = options.cacheBytes === 0 ? 'read from the database' : 'with the cache'
  const labels = { row: name, subject: `GET secret, ${from}`, reference: 'bare node:https, the same bytes' }
  return comparisonRow(labels, comparison, { requestsPerSecond: least, requestsPerCpuSecond: least })
}

export const keyVaultWithManyVersions: Scenario = {
  rows: [row.versions],
  async run(bench) {
    const { versions } = bench.options
    bench.progress(`${row.versions}: storing ${versions} secret versions`)
    await using few = await Cloud.start({ cacheBytes: 0 })
    await using many = await Cloud.start({ cacheBytes: 0 })
    const fewNames = secretNames(secretCount / versionsPerSecret)
    const manyNames = secretNames(Math.ceil(versions / versionsPerSecret))
    await few.makeVault(fewNames, versionsPerSecret)
    await many.makeVault(manyNames, versionsPerSecret)
    bench.progress(`${row.versions}: GET secret over TLS from the database, against ${secretCount} versions`)
    const subject = requestsFor(manyNames, await many.vaultTokens(tokenCount), requestCount)
    const reference = requestsFor(fewNames, await few.vaultTokens(tokenCount), requestCount)
    const comparison = await compare(
      bench,
      await measuredVault(many, subject),
      await measuredVault(few, reference),
      bench.processors.server,
    )
    const names = {
      row: row.versions,
      subject: `GET secret among ${versions} versions`,
      reference: `the same among ${secretCount} versions`,
    }
    return [comparisonRow(names, comparison, { requestsPerSecond: 0.8, requestsPerCpuSecond: 0.8 })]
  },
}
