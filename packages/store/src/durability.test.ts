import { execFileSync, spawn } from 'node:child_process'
import { randomBytes, randomInt } from 'node:crypto'
import { once } from 'node:events'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { masterKeyOf, openStore } from './index.ts'
import { parseRecord, RecordedDisk } from './testing/recorded-crash.ts'
import { dataKey, numberedBody, type RowTables, rowMigrations } from './testing/rows.ts'

const masterKey = masterKeyOf(randomBytes(32))
let directory: string

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'keystead-durability-'))
})
afterAll(async () => {
  await rm(directory, { recursive: true, force: true })
})

function startWriter(path: string, rows: number, synchronous: string, environment: Record<string, string> = {}) {
  const program = fileURLToPath(new URL('testing/write-loop.ts', import.meta.url))
  return spawn(
    process.execPath,
    ['--conditions=keystead-source', '--no-warnings', program, path, String(rows), synchronous],
    {
      stdio: ['ignore', 'pipe', 'inherit'],
      env: { ...process.env, KEYSTEAD_MASTER_KEY: Buffer.from(masterKey.bytes).toString('base64'), ...environment },
    },
  )
}

/** The first number up to `last` whose row is not there or is not itself; undefined when all are whole. */
async function firstMissing(path: string, last: number): Promise<number | undefined> {
  const store = await openStore({ path, masterKey, migrations: [rowMigrations] })
  try {
    const rows = await store.database<RowTables>().selectFrom('rows').selectAll().orderBy('n').execute()
    const bodies = new Map(rows.map(({ n, body }) => [n, body]))
    for (let n = 0; n <= last; n++) {
      const body = bodies.get(n)
      if (body === undefined) return n
      if (!Buffer.from(numberedBody(n)).equals(store.keyring.open(dataKey, body, String(n)))) return n
    }
    return undefined
  } finally {
    await store.close()
  }
}

describe('a writer killed with kill -9', () => {
  test('loses no acknowledged row, in a dozen lives of one database', { timeout: 60_000 }, async () => {
    const path = join(directory, 'killed.db')
    let last = -1
    for (let life = 0; life < 12; life++) {
      const writer = startWriter(path, 1_000_000, 'full')
      const exited = once(writer, 'exit')
      let killAfter = randomInt(1, 60)
      for await (const line of createInterface(writer.stdout)) {
        expect(Number(line)).toBeLessThanOrEqual(last + 2)
        last = Math.max(last, Number(line))
        if (--killAfter === 0) writer.kill('SIGKILL')
      }
      expect(await exited).toEqual([null, 'SIGKILL'])
      expect(await firstMissing(path, last)).toBeUndefined()
    }
    expect(last).toBeGreaterThan(11)
  })
})

describe.runIf(process.platform === 'linux')('a machine that loses power', () => {
  let recorder: string

  beforeAll(() => {
    recorder = join(directory, 'sync-recorder.so')
    const source = fileURLToPath(new URL('testing/sync-recorder.c', import.meta.url))
    try {
      execFileSync('cc', ['-shared', '-fPIC', '-O1', '-Wall', '-Werror', '-o', recorder, source, '-ldl'])
    } catch (error) {
      throw new Error('This test records writes and syncs with a small C library: a C compiler named cc is needed.', {
        cause: error,
      })
    }
  })

  /** Runs a writer under the recorder; answers what was recorded until it was done. */
  async function recordedWriter(name: string, rows: number, synchronous: string) {
    const root = await mkdtemp(join(directory, name))
    const log = join(directory, `${name}.log`)
    const writer = startWriter(join(root, 'keystead.db'), rows, synchronous, {
      LD_PRELOAD: recorder,
      RECORDER_ROOT: root,
      RECORDER_LOG: log,
    })
    const exited = once(writer, 'exit')
    for await (const line of createInterface(writer.stdout)) {
      // Killed at its last row: a clean close would sync everything and leave nothing to lose.
      if (Number(line) === rows - 1) writer.kill('SIGKILL')
    }
    await exited
    return parseRecord(await readFile(log))
  }

  /** Crashes the recorded disk at `points` places spread over the record; answers the acknowledged rows that were lost. */
  async function lostRows(
    name: string,
    events: ReturnType<typeof parseRecord>,
    points: number,
    survives: () => number,
  ) {
    const disk = new RecordedDisk()
    const lost: number[] = []
    let last = -1
    const every = Math.max(1, Math.floor(events.length / points))
    for (const [position, event] of events.entries()) {
      disk.apply(event)
      if (event.type === 'output') last = Number(event.data.toString())
      if (position % every !== 0 && position !== events.length - 1) continue
      const left = join(directory, `${name}-${position}`)
      await disk.crash(left, survives)
      const missing = await firstMissing(join(left, 'keystead.db'), last)
      if (missing !== undefined) lost.push(missing)
      await rm(left, { recursive: true })
    }
    expect(last).toBeGreaterThan(0)
    return lost
  }

  /** Lost, whole or cut short at a sector: the same sequence in every run. */
  function unreliable(seed: number): () => number {
    let state = seed
    return () => {
      state = (Math.imul(state, 1664525) + 1013904223) >>> 0
      const value = state / 2 ** 32
      return value < 0.4 ? 0 : value < 0.8 ? 1 : value
    }
  }

  test('keeps every acknowledged row when all that was not synced is gone', { timeout: 120_000 }, async () => {
    const events = await recordedWriter('full', 300, 'full')
    // The record must have gone through a checkpoint: writes and a sync of the database file itself.
    expect(events.filter(({ type, path }) => type === 'sync' && path.endsWith('.db')).length).toBeGreaterThan(1)
    expect(await lostRows('full', events, 80, () => 0)).toEqual([])
    expect(await lostRows('torn', events, 80, unreliable(1))).toEqual([])
  })

  test.each(['normal', 'off'])(
    'would lose some with synchronous=%s, so this test can fail',
    {
      timeout: 120_000,
    },
    async (synchronous) => {
      const events = await recordedWriter(synchronous, 40, synchronous)
      expect(await lostRows(synchronous, events, 20, () => 0)).not.toEqual([])
    },
  )
})
