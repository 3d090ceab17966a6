import { mkdtemp, readdir, rm } from 'node:fs/promises'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { LogsClient } from '../logs-client.ts'
import { LogServer } from './log-server.ts'
import type { QueryOutcome } from './query-outcome.ts'

const workspace = '5f0c7e0b-1111-4222-8333-444455556666'
const other = '6f0c7e0b-1111-4222-8333-444455556666'
const secret = 'between the two'
const now = Date.UTC(2026, 0, 1)

let directory: string
let server: LogServer
let url: string
let client: LogsClient
const logged: string[] = []

async function freePort(): Promise<number> {
  const probe = createServer()
  await new Promise<void>((resolve) => probe.listen(0, '127.0.0.1', resolve))
  const { port } = probe.address() as { port: number }
  await new Promise((resolve) => probe.close(resolve))
  return port
}

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'keystead-log-server-'))
  server = new LogServer({ directory, secret })
  const port = await freePort()
  await server.listen(port)
  url = `http://127.0.0.1:${port}`
  client = new LogsClient({ url, secret, log: (_level, message) => logged.push(message) })
})
afterAll(async () => {
  await client.close()
  await server.close()
  await rm(directory, { recursive: true })
})

const query = (text: string, timeoutMs = 20_000, signal?: AbortSignal): Promise<QueryOutcome> =>
  client.query({ workspace, query: text, now, rows: 100, timeoutMs }, signal)

const rowsOf = (outcome: QueryOutcome): unknown => (outcome.kind === 'result' ? outcome.result.rows : outcome)

/** Far more than a second's work. */
const endless = 'range a from 1 to 1000000000 step 1 | summarize sum(a % 7)'

describe('the logs process', () => {
  it('answers what was appended, at once', async () => {
    client.append(workspace, 'ContainerAppConsoleLogs_CL', [
      { TimeGenerated: new Date(now - 1000), ContainerAppName_s: 'orders', Log_s: 'level=error "quoted"\n\u0000 ü😀' },
    ])
    expect(
      rowsOf(await query('ContainerAppConsoleLogs_CL | project TimeGenerated, ContainerAppName_s, Log_s')),
    ).toEqual([['2025-12-31T23:59:59Z', 'orders', 'level=error "quoted"\n\u0000 ü😀']])
    expect(rowsOf(await query('print x = 9007199254740993'))).toEqual([[9007199254740993n]])
  })

  it('keeps workspaces apart, and forgets one with its rows', async () => {
    client.append(other, 'ContainerAppConsoleLogs_CL', [{ TimeGenerated: new Date(now), Log_s: 'of the other' }])
    const ofOther = { workspace: other, query: 'ContainerAppConsoleLogs_CL | count', now, rows: 10, timeoutMs: 20_000 }
    expect(rowsOf(await client.query(ofOther))).toEqual([[1]])
    expect(rowsOf(await query("ContainerAppConsoleLogs_CL | where Log_s has 'other' | count"))).toEqual([[0]])
    await client.remove(other)
    expect((await readdir(directory)).filter((name) => name.startsWith(other))).toEqual([])
    expect(rowsOf(await client.query(ofOther))).toEqual([[0]])
  })

  it('tells where a query is wrong', async () => {
    expect(await query('ContainerAppConsoleLogs_CL\n| wher Log_s')).toMatchObject({
      kind: 'refused',
      error: { kind: 'syntax', line: 2, column: 3 },
    })
  })

  it('ends a query that takes too long, and answers the next one', async () => {
    const [slow, quick] = await Promise.all([query(endless, 1500), query('print 1')])
    expect(slow).toEqual({ kind: 'timedOut' })
    expect(rowsOf(quick)).toEqual([[1]])
    expect(rowsOf(await query('print 2'))).toEqual([[2]])
  })

  it('takes rows while a query runs, and ends the query when its caller leaves', async () => {
    const caller = new AbortController()
    const slow = query(endless, 60_000, caller.signal)
    const left = expect(slow).rejects.toThrow()
    client.append(workspace, 'ContainerAppConsoleLogs_CL', [{ TimeGenerated: new Date(now), Log_s: 'meanwhile' }])
    expect(rowsOf(await query("ContainerAppConsoleLogs_CL | where Log_s == 'meanwhile' | count"))).toEqual([[1]])
    caller.abort()
    await left
  })

  it('cuts a result at the limit of rows', async () => {
    const outcome = await query('range x from 1 to 1000 step 1')
    expect(outcome).toMatchObject({ kind: 'result', result: { truncated: true } })
    expect((rowsOf(outcome) as unknown[]).length).toBe(100)
  })

  it('refuses rows that do not fit their table, and says so', async () => {
    client.append(workspace, 'ContainerAppConsoleLogs_CL', [{ TimeGenerated: 'never' }])
    await client.flush()
    expect(logged).toContain('Log rows were refused')
  })

  it.each([
    ['another secret', { authorization: 'Bearer other' }, '{}', 401],
    ['no secret', {}, '{}', 401],
    ['a path as workspace', undefined, JSON.stringify({ workspace: '../../etc/passwd' }), 500],
    ['no JSON', undefined, '{"workspace":', 500],
  ])('refuses %s', async (_name, headers, body, status) => {
    const response = await fetch(`${url}/remove`, {
      method: 'POST',
      headers: headers ?? { authorization: `Bearer ${secret}` },
      body,
    })
    expect(response.status).toBe(status)
  })
})
