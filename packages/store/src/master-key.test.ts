import { randomBytes } from 'node:crypto'
import { chmod, mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { inspect } from 'node:util'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import {
  KeyringError,
  loadMasterKey,
  MasterKeyError,
  masterKeyOf,
  openWithMasterKey,
  sealWithMasterKey,
} from './index.ts'

let directory: string
let file: string

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'keystead-master-key-'))
  file = join(directory, 'data', 'master.key')
})
afterEach(async () => {
  await rm(directory, { recursive: true, force: true })
})

const load = (create: boolean, environment: Record<string, string> = {}) => loadMasterKey({ file, environment, create })

describe('loadMasterKey', () => {
  test('makes the file once, readable by its owner only, and nothing beside it', async () => {
    const made = await load(true)
    expect((await stat(file)).mode & 0o777).toBe(0o600)
    expect(await readdir(join(directory, 'data'))).toEqual(['master.key'])
    expect((await load(true)).bytes).toEqual(made.bytes)
    expect((await load(false)).bytes).toEqual(made.bytes)
    expect(Buffer.from(await readFile(file, 'utf8'), 'base64')).toEqual(made.bytes)
  })

  test('gives the same key to all that start at once', async () => {
    const keys = await Promise.all(Array.from({ length: 8 }, () => load(true)))
    expect(new Set(keys.map(({ bytes }) => Buffer.from(bytes).toString('hex'))).size).toBe(1)
  })

  test('takes the variable before the file', async () => {
    const bytes = randomBytes(32)
    expect((await load(false, { KEYSTEAD_MASTER_KEY: bytes.toString('base64') })).bytes).toEqual(bytes)
  })

  test.each([
    '',
    'short',
    'not base64 at all, not base64 at all, not bas',
    randomBytes(31).toString('base64'),
    randomBytes(33).toString('base64'),
    randomBytes(32).toString('hex'),
  ])('refuses %j, and does not repeat it', async (text) => {
    const given = await load(true, { KEYSTEAD_MASTER_KEY: text }).catch((error: unknown) => error)
    expect(given).toBeInstanceOf(MasterKeyError)
    await load(true)
    await writeFile(file, text)
    const read = await load(true).catch((error: unknown) => error)
    expect(read).toBeInstanceOf(MasterKeyError)
    if (text !== '') expect(`${given}${read}`).not.toContain(text)
  })

  test('refuses a file that others can read, and says how to mend it', async () => {
    await load(true)
    await chmod(file, 0o640)
    await expect(load(true)).rejects.toThrow(`chmod 600 '${file}'`)
  })

  test('refuses when there is none and none may be made', async () => {
    await expect(load(false)).rejects.toThrow(MasterKeyError)
  })

  test('refuses a path that cannot be read or made', async () => {
    await expect(loadMasterKey({ file: directory, environment: {}, create: true })).rejects.toThrow(MasterKeyError)
    await writeFile(join(directory, 'data'), '')
    await expect(load(true)).rejects.toThrow(MasterKeyError)
  })
})

test('a master key does not show itself when it is printed', () => {
  const key = masterKeyOf(randomBytes(32))
  expect(inspect(key)).not.toMatch(/Uint8Array|Buffer|[0-9a-f]{8}/)
  expect(JSON.stringify({ key })).toBe('{"key":{}}')
})

describe('sealWithMasterKey', () => {
  const key = masterKeyOf(randomBytes(32))
  const plaintext = Buffer.from('-----BEGIN PRIVATE KEY-----')

  test('opens with the same key and context only', () => {
    const sealed = sealWithMasterKey(key, plaintext, 'certificate-authority')
    expect(Buffer.from(openWithMasterKey(key, sealed, 'certificate-authority'))).toEqual(plaintext)
    expect(Buffer.from(sealed).includes(plaintext)).toBe(false)
    expect(() => openWithMasterKey(key, sealed, 'owner')).toThrow(KeyringError)
    expect(() => openWithMasterKey(masterKeyOf(randomBytes(32)), sealed, 'certificate-authority')).toThrow(KeyringError)
  })

  test('never makes the same bytes twice', () => {
    expect(sealWithMasterKey(key, plaintext, 'a')).not.toEqual(sealWithMasterKey(key, plaintext, 'a'))
  })

  test('tells a format of a later version', () => {
    const sealed = sealWithMasterKey(key, plaintext, 'a')
    sealed[0] = 2
    expect(() => openWithMasterKey(key, sealed, 'a')).toThrow(expect.objectContaining({ code: 'unknown-format' }))
  })
})
