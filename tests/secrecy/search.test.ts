import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { filesUnder, keySecret, search, secret } from './search.ts'

let folder: string
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'keystead-search-'))
})
afterAll(() => rm(folder, { recursive: true, force: true }))

const value = `pass"word\\ <é>/+= & 'x'\n${'0123456789abcdef'}`
/** Written by encoders that the search does not use, or with what may stand around a value. */
const planted: Readonly<Record<string, string>> = {
  raw: `before ${value} after`,
  'base64 at 0': Buffer.from(`abc${value}after`).toString('base64'),
  'base64 at 1': Buffer.from(`abcd${value}`).toString('base64'),
  'base64 at 2': Buffer.from(`ab${value}!`).toString('base64'),
  'base64url at 1': Buffer.from(`a${value}`).toString('base64url'),
  hex: Buffer.from(`x${value}`).toString('hex'),
  'hex in capitals': Buffer.from(value).toString('hex').toUpperCase(),
  'URL path': `https://host/${encodeURIComponent(value)}?a=b`,
  'URL form': new URLSearchParams({ a: '1', password: value }).toString(),
  'URL with small letters': encodeURIComponent(value).replaceAll(/%../g, (code) => code.toLowerCase()),
  JSON: JSON.stringify({ value }),
  'JSON in JSON': JSON.stringify({ error: JSON.stringify({ value }) }),
  'JSON for HTML': JSON.stringify({ value })
    .replaceAll('<', '\\u003c')
    .replaceAll('>', '\\u003e')
    .replaceAll('&', '\\u0026'),
  'JSON in ASCII': JSON.stringify({ value }).replaceAll('é', '\\u00e9'),
  'JSON with slashes': JSON.stringify({ value }).replaceAll('/', '\\/'),
}

test('a value is found in every encoding, in files, their names and deep folders', async () => {
  await mkdir(join(folder, 'a/b'), { recursive: true })
  for (const [name, content] of Object.entries(planted)) await writeFile(join(folder, 'a/b', name), content)
  const binary = Buffer.concat([Buffer.from([0, 255, 254]), Buffer.from(value), Buffer.from([0, 200])])
  await writeFile(join(folder, 'database'), binary)
  await writeFile(join(folder, 'other'), 'nothing')
  await writeFile(join(folder, `a/${Buffer.from(value).toString('hex')}`), '')
  const found = search(await filesUnder(folder), [secret('planted', value)])
  expect(new Set(found.map(({ place }) => place))).toEqual(
    new Set([
      ...Object.keys(planted).map((name) => `a/b/${name}`),
      'database',
      `name of a/${Buffer.from(value).toString('hex')}`,
    ]),
  )
  expect(search(await filesUnder(folder), [secret('another', `${value}-`.split('').reverse().join(''))])).toEqual([])
})

test('the bytes behind a key, and base64 that is broken into lines, are found', () => {
  const bytes = Buffer.from(Array.from({ length: 64 }, (_, index) => (index * 37 + 200) % 256))
  const key = keySecret('key', bytes.toString('base64'))
  const pem = `-----BEGIN PRIVATE KEY-----\n${Buffer.concat([Buffer.alloc(26), bytes])
    .toString('base64')
    .replaceAll(/.{16}/g, '$&\n')}\n-----END PRIVATE KEY-----\n`
  const places = [pem, JSON.stringify({ pem }), bytes.toString('hex')].map((text, index) => ({
    name: String(index),
    content: Buffer.from(text),
  }))
  expect(new Set(search(places, key).map(({ place }) => place))).toEqual(new Set(['0', '1', '2']))
})

test('what is too short to be told from chance is not looked for', () => {
  expect(() => secret('short', 'abc')).toThrow("The secret 'short' is too short to be looked for.")
})
