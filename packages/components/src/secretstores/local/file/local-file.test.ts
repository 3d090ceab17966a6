import { afterEach, describe, expect, it } from 'vitest'
import { testContext } from '../../../testing/context.ts'
import { temporaryFile } from '../../../testing/temporary-file.ts'
import { factory } from './local-file.ts'

const signal = new AbortController().signal
const cleanups: (() => Promise<void>)[] = []
afterEach(async () => {
  for (const cleanup of cleanups.splice(0)) await cleanup()
})

async function open(content: string, metadata: Readonly<Record<string, string>> = {}) {
  const file = await temporaryFile('secrets.json', content)
  cleanups.push(file.remove)
  return factory.init(testContext({ metadata: { secretsFile: file.path, ...metadata } }).context)
}

/** What the Go component gave for this file. */
const everything =
  '{"s":"t","n":5,"f":1.50,"big":1e21,"mid":123456789012,"small":0.00001,"neg":-0.0,"t":true,"z":null,"arr":["a",{"b":"c"},[1]],"o":{"p":{"q":"r"}},"eo":{},"ea":[],"":"e","x":{"":"y"}}'

describe('a file of secrets', () => {
  it('is flattened to single values as Go flattens it', async () => {
    const values = Object.values(await (await open(everything)).bulkGetSecret({}, signal))
    expect(Object.assign({}, ...values)).toEqual({
      '': 'e',
      'arr:0': 'a',
      'arr:1:b': 'c',
      'arr:2:0': '%!s(float64=1)',
      big: '%!s(float64=1e+21)',
      f: '%!s(float64=1.5)',
      mid: '%!s(float64=1.23456789012e+11)',
      n: '%!s(float64=5)',
      neg: '%!s(float64=-0)',
      'o:p:q': 'r',
      s: 't',
      small: '%!s(float64=1e-05)',
      t: '%!s(bool=true)',
      'x:': 'y',
      z: '%!s(<nil>)',
    })
  })

  it('has several values in one secret where multiValued says so', async () => {
    const store = await open(everything, { multiValued: 'yes' })
    expect(store.features).toEqual(['MULTIPLE_KEY_VALUES_PER_SECRET'])
    expect(await store.bulkGetSecret({}, signal)).toEqual({
      '': { '': 'e' },
      eo: {},
      o: { 'p:q': 'r' },
      s: { s: 't' },
      x: { '': 'y' },
    })
    await expect(store.getSecret('arr', {}, signal)).rejects.toThrow(/^secret arr not found$/)
  })

  it('joins names by nestedSeparator', async () => {
    const store = await open('{"a":{"b":"c"}}', { nestedSeparator: '.' })
    expect(await store.getSecret('a.b', {}, signal)).toEqual({ 'a.b': 'c' })
    expect(store.features).toEqual([])
  })

  it('keeps odd names as names', async () => {
    const store = await open('{"__proto__":{"a":"b"},"constructor":"c"}')
    expect(await store.getSecret('constructor', {}, signal)).toEqual({ constructor: 'c' })
    expect(await store.getSecret('__proto__:a', {}, signal)).toEqual({ '__proto__:a': 'b' })
    await expect(store.getSecret('toString', {}, signal)).rejects.toThrow('secret toString not found')
  })

  it.each([
    ['', 'unexpected end of JSON input'],
    ['{"password":"hunter2"', 'unexpected end of JSON input'],
    ['{"password":hunter2}', "invalid character 'h' looking for beginning of value"],
    ['["hunter2"]', 'json: cannot unmarshal array into Go value of type map[string]interface {}'],
    ['"hunter2"', 'json: cannot unmarshal string into Go value of type map[string]interface {}'],
    ['7', 'json: cannot unmarshal number into Go value of type map[string]interface {}'],
    ['true', 'json: cannot unmarshal bool into Go value of type map[string]interface {}'],
  ])('is refused without showing what is in it: %s', async (content, message) => {
    await expect(open(content)).rejects.toThrow(expect.objectContaining({ message }))
  })

  it('that is null holds nothing', async () => {
    expect(await (await open('null')).bulkGetSecret({}, signal)).toEqual({})
  })

  it('that is a directory is refused', async () => {
    const file = await temporaryFile('x', '')
    cleanups.push(file.remove)
    const secretsFile = file.path.slice(0, -2)
    await expect(factory.init(testContext({ metadata: { secretsFile } }).context)).rejects.toThrow(
      `read ${secretsFile}: is a directory`,
    )
  })
})
