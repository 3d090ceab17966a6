import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { pairwiseRatios, spread } from '../../bench/statistics.ts'
import { root, run, succeed } from '../support/cloud.ts'

const bench = (...words: string[]) => run(process.execPath, [join(root, 'bench/main.ts'), ...words])

describe('npm run bench', () => {
  test('compares the sidecar with a bare server that answers the same bytes', async () => {
    const words = ['--only', 'sidecar/', '--seconds', '0.2', '--rounds', '2', '--output', 'json']
    const { stdout } = await succeed(bench(...words))
    const { rows } = JSON.parse(stdout) as {
      rows: { row: string; results: { figure: string; ratio: Record<string, number> }[] }[]
    }
    expect(rows.map(({ row }) => row)).toEqual(['sidecar/state-save', 'sidecar/state-get', 'sidecar/secret-get'])
    for (const { results } of rows) {
      expect(results.map(({ figure }) => figure)).toEqual(['requests per second', 'requests per CPU second', 'p99'])
      for (const { ratio } of results) {
        expect(ratio.min).toBeGreaterThan(0)
        expect(ratio.min).toBeLessThanOrEqual(ratio.median ?? 0)
        expect(ratio.median).toBeLessThanOrEqual(ratio.max ?? 0)
      }
    }
  })

  test('soaks the sidecar, and tells its memory after the first tenth and at the end', async () => {
    const words = ['--only', 'soak', '--soak', '20000', '--seconds', '0.2', '--output', 'json']
    const { stdout } = await succeed(bench(...words))
    const [row] = (JSON.parse(stdout) as { rows: { row: string; subject: string; results: { figure: string }[] }[] })
      .rows
    expect(row?.row).toBe('soak/sidecar')
    expect(Number(/\d+/.exec(row?.subject ?? '')?.[0])).toBeGreaterThanOrEqual(20_000)
    expect(row?.results).toMatchObject([{ figure: 'memory after load', reference: { median: expect.any(Number) } }])
  })

  test('writes log rows, and finds the same by the index as by a scan', async () => {
    const words = ['--only', 'logs/', '--log-rows', '20000', '--rounds', '2', '--output', 'json']
    const { stdout } = await succeed(bench(...words))
    const { rows } = JSON.parse(stdout) as { rows: { row: string; results: { ratio: { min: number } }[] }[] }
    expect(rows.map(({ row }) => row)).toEqual(['logs/ingestion', 'logs/component-loaded', 'logs/level-err'])
    for (const { results } of rows) for (const { ratio } of results) expect(ratio.min).toBeGreaterThan(0)
  })

  test('says what there is when asked for a row that there is not', async () => {
    const { code, stderr } = await bench('--only', 'nothing')
    expect(code).toBe(1)
    expect(stderr).toContain('key-vault/cache')
  })

  test('tells its flags', async () => {
    const { stdout } = await succeed(bench('--help'))
    for (const flag of ['--only', '--seconds', '--rounds', '--log-rows', '--soak', '--output', 'DAPRD='])
      expect(stdout).toContain(flag)
  })

  test('refuses a flag that it does not know', async () => {
    expect((await bench('--fast')).code).toBe(1)
    expect((await bench('--rounds', '0')).code).toBe(1)
    expect((await bench('--output', 'xml')).code).toBe(1)
  })
})

test('a spread is the median with the lowest and the highest', () => {
  expect(spread([3, 1, 2])).toEqual({ median: 2, min: 1, max: 3 })
  expect(spread([4, 1, 3, 2])).toEqual({ median: 2.5, min: 1, max: 4 })
  expect(spread([7])).toEqual({ median: 7, min: 7, max: 7 })
})

test('ratios are of values that were measured in the same round', () => {
  expect(pairwiseRatios([10, 30, 20], [10, 10, 5])).toEqual({ median: 3, min: 1, max: 4 })
})
