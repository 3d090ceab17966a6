import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { type Finished, keysteadCommand, run } from '../support/cloud.ts'

interface Step {
  readonly name: string
  readonly ok: boolean
  readonly detail: string
  readonly ms: number
}

let directory: string
let finished: Finished
let steps: readonly Step[]

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'keystead-quickstart-'))
  finished = await run(keysteadCommand, [
    'quickstart',
    '--exit',
    '--output',
    'json',
    '--data-dir',
    join(directory, 'data'),
  ])
  steps = (JSON.parse(finished.stdout) as { steps: Step[] }).steps
})

afterAll(() => rm(directory, { recursive: true, force: true }))

test('every hop does what it should, refusal and recovery included', () => {
  expect(finished.code, finished.stderr).toBe(0)
  expect(steps.map(({ name, ok }) => [name, ok])).toEqual(
    [
      'cloud',
      'resource-group',
      'storage-account',
      'key-vault',
      'secrets',
      'identity',
      'role-assignment',
      'sidecar',
      'app',
      'order',
      'blob',
      'direct-read',
      'revoke',
      'refused-directly',
      'still-loaded',
      'refused-restart',
      'restore',
      'recovered',
    ].map((name) => [name, true]),
  )
})

test('the refusal is the one that Azure gives', () => {
  const refused = steps.find(({ name }) => name === 'refused-directly')
  expect(refused?.detail).toContain('403 Forbidden: Caller is not authorized to perform action on resource.')
})

test('each hop says how long it took', () => {
  for (const { ms } of steps) expect(ms).toBeGreaterThanOrEqual(0)
})
