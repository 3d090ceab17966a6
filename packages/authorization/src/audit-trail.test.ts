import { spawn } from 'node:child_process'
import { once } from 'node:events'
import fs from 'node:fs'
import { appendFile, chmod, mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { type AuditEvent, AuditTrail, AuditTrailError } from './index.ts'

let directory: string
let file: string

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'keystead-audit-'))
  file = join(directory, 'logs', 'audit.jsonl')
})
afterEach(async () => {
  await rm(directory, { recursive: true, force: true })
})

const clock = () => Date.UTC(2026, 0, 2, 3, 4, 5, 6)
const event = (requestId: string, more: Partial<AuditEvent> = {}): AuditEvent => ({
  service: 'key-vault',
  operation: 'SecretGet',
  requestId,
  resource: 'https://v.vault.azure.net/secrets/n',
  status: 200,
  ...more,
})

async function lines(path = file): Promise<Record<string, unknown>[]> {
  const text = await readFile(path, 'utf8')
  expect(text.endsWith('\n')).toBe(true)
  return text
    .slice(0, -1)
    .split('\n')
    .map((line) => JSON.parse(line) as Record<string, unknown>)
}

describe('the audit trail', () => {
  test('holds who, what, allowed or not and why', async () => {
    const trail = new AuditTrail({ file, clock })
    await trail.append(
      event('1', {
        caller: { appId: 'a', objectId: 'o', tenantId: 't' },
        callerIp: '127.0.0.1',
        status: 403,
        durationMs: 1.5,
        decision: {
          allowed: false,
          reason: 'noRoleAssignment',
          by: 'role',
          principal: { tenantId: 't', objectId: 'o', groupIds: [] },
          action: 'getSecret',
          scope: '/s',
        },
      }),
    )
    expect(await lines()).toEqual([
      {
        time: '2026-01-02T03:04:05.006Z',
        service: 'key-vault',
        operation: 'SecretGet',
        requestId: '1',
        caller: { appId: 'a', objectId: 'o', tenantId: 't' },
        callerIp: '127.0.0.1',
        resource: 'https://v.vault.azure.net/secrets/n',
        status: 403,
        durationMs: 1.5,
        decision: { allowed: false, reason: 'noRoleAssignment', by: 'role', action: 'getSecret', scope: '/s' },
      },
    ])
    await trail.close()
  })

  test('is on the file when append resolves, readable by the owner only', async () => {
    const trail = new AuditTrail({ file, clock })
    await trail.append(event('1'))
    expect((await lines()).length).toBe(1)
    expect((await stat(file)).mode & 0o777).toBe(0o600)
    await trail.close()
    await chmod(file, 0o644)
    await new AuditTrail({ file, clock }).close()
    expect((await stat(file)).mode & 0o777).toBe(0o600)
  })

  test('keeps the order of 1,000 events of one turn', async () => {
    const trail = new AuditTrail({ file, clock })
    await Promise.all(Array.from({ length: 1_000 }, (_, n) => trail.append(event(`${n}`))))
    expect((await lines()).map(({ requestId }) => requestId)).toEqual(Array.from({ length: 1_000 }, (_, n) => `${n}`))
    await trail.close()
  })

  test('is one line per event, whatever the caller sends', async () => {
    const trail = new AuditTrail({ file, clock })
    const hostile = 'a\nb\r\n{"allowed":true}\u2028\0"💥'
    await trail.append(event(hostile, { resource: hostile.repeat(1_000) }))
    expect((await lines()).map(({ requestId }) => requestId)).toEqual([hostile])
    await trail.close()
  })

  test('goes on after the last line, ending one that was cut short', async () => {
    const first = new AuditTrail({ file, clock })
    await first.append(event('1'))
    await first.close()
    await appendFile(file, '{"time":"20')
    const second = new AuditTrail({ file, clock })
    await second.append(event('2'))
    await second.close()
    const text = (await readFile(file, 'utf8')).split('\n')
    expect(text.length).toBe(4)
    expect(JSON.parse(text[2] ?? '')).toMatchObject({ requestId: '2' })
  })

  test('is rotated, and the oldest is dropped', async () => {
    const trail = new AuditTrail({ file, clock, maxBytes: 1_000, maxFiles: 3 })
    for (let n = 0; n < 60; n++) await trail.append(event(`${n}`))
    await trail.close()
    expect((await readdir(join(directory, 'logs'))).sort()).toEqual([
      'audit.jsonl',
      'audit.jsonl.1',
      'audit.jsonl.2',
      'audit.jsonl.3',
    ])
    const kept: unknown[] = []
    for (const suffix of ['.3', '.2', '.1', '']) {
      expect((await stat(`${file}${suffix}`)).size).toBeLessThanOrEqual(1_000)
      kept.push(...(await lines(`${file}${suffix}`)).map(({ requestId }) => Number(requestId)))
    }
    expect(kept).toEqual(Array.from({ length: kept.length }, (_, n) => 60 - kept.length + n))
  })

  test('writes what is pending when it is closed, and refuses what comes later', async () => {
    const trail = new AuditTrail({ file, clock })
    const pending = trail.append(event('1'))
    await trail.close()
    await pending
    await trail.close()
    await expect(trail.append(event('2'))).rejects.toThrow(AuditTrailError)
    expect((await lines()).length).toBe(1)
  })

  test('rejects every event of a write that failed', async () => {
    // /dev/full opens as a file does, and refuses each write with ENOSPC.
    const trail = new AuditTrail({ file: '/dev/full', clock })
    const results = await Promise.allSettled([trail.append(event('1')), trail.append(event('2'))])
    for (const result of results) {
      expect(result).toMatchObject({ status: 'rejected', reason: { name: 'AuditTrailError' } })
      expect(String((result as PromiseRejectedResult).reason)).toContain('ENOSPC')
    }
    await trail.close()
  })

  test('keeps whole lines only when a write stops half-way', async () => {
    const program = fileURLToPath(new URL('testing/append-loop.ts', import.meta.url))
    // Ignoring the signal makes the limit on the file's size an error of the write that crosses it.
    const writer = spawn('sh', [
      '-c',
      'trap "" XFSZ; ulimit -f 16; exec "$@"',
      'sh',
      process.execPath,
      '--conditions=keystead-source',
      '--no-warnings',
      program,
      file,
    ])
    const exited = once(writer, 'exit')
    let refusal = ''
    writer.stderr.setEncoding('utf8').on('data', (text: string) => {
      refusal += text
    })
    const acknowledged: string[] = []
    for await (const line of createInterface(writer.stdout)) acknowledged.push(line)
    expect(await exited).toEqual([1, null])
    expect(refusal).toContain('AuditTrailError')
    expect((await lines()).map(({ requestId }) => requestId)).toEqual(acknowledged)
  })

  test('cannot be opened where no file can be', async () => {
    await writeFile(join(directory, 'logs'), '')
    expect(() => new AuditTrail({ file, clock })).toThrow(AuditTrailError)
    expect(() => new AuditTrail({ file: directory, clock })).toThrow(AuditTrailError)
  })

  test('loses no acknowledged event to kill -9', async () => {
    const program = fileURLToPath(new URL('testing/append-loop.ts', import.meta.url))
    const writer = spawn(process.execPath, ['--conditions=keystead-source', '--no-warnings', program, file], {
      stdio: ['ignore', 'pipe', 'inherit'],
    })
    const exited = once(writer, 'exit')
    const acknowledged: string[] = []
    for await (const line of createInterface(writer.stdout)) {
      acknowledged.push(line)
      if (acknowledged.length === 1_003) writer.kill('SIGKILL')
    }
    expect(await exited).toEqual([null, 'SIGKILL'])
    const written = new Set((await lines()).map(({ requestId }) => requestId))
    expect(acknowledged.filter((number) => !written.has(number))).toEqual([])
    expect(fs.existsSync(`${file}.1`)).toBe(false)
  })
})
