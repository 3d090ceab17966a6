import { mkdir, mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { BoundedLog } from './bounded-log.ts'

let directory: string
let file: string
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'keystead-log-'))
  file = join(directory, 'core.log')
})
afterEach(() => rm(directory, { recursive: true, force: true }))

test('goes on where an earlier run ended, readable by its owner only', async () => {
  for (const line of ['one\n', 'two\n']) {
    const log = new BoundedLog({ file, maxBytes: 100, keep: 2 })
    log.write(line)
    log.close()
  }
  expect(await readFile(file, 'utf8')).toBe('one\ntwo\n')
  expect((await stat(file)).mode & 0o777).toBe(0o600)
})

test('keeps the newest files and no more', async () => {
  const log = new BoundedLog({ file, maxBytes: 10, keep: 2 })
  for (const line of ['1-------\n', '2-------\n', '3-------\n', '4-------\n']) log.write(line)
  log.close()
  expect((await readdir(directory)).sort()).toEqual(['core.log', 'core.log.1', 'core.log.2'])
  expect(await readFile(file, 'utf8')).toBe('4-------\n')
  expect(await readFile(`${file}.2`, 'utf8')).toBe('2-------\n')
})

test('loses lines while it can not be written, and says how much once it can', async () => {
  const blocked = join(directory, 'not-a-directory')
  await writeFile(blocked, '')
  const log = new BoundedLog({ file: join(blocked, 'core.log'), maxBytes: 100, keep: 2 })
  log.write('lost\n')
  await rm(blocked)
  log.write('lost\n')
  await mkdir(blocked)
  log.write('kept\n')
  log.close()
  expect(await readFile(join(blocked, 'core.log'), 'utf8')).toBe(
    '\n(10 bytes of this log could not be written)\nkept\n',
  )
})
