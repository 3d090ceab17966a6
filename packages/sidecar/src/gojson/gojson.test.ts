import { describe, expect, it } from 'vitest'
import { decodeFirstValue } from './decode.ts'
import { encodeGoJson } from './encode.ts'
import { compactJson, scanFirstValue } from './scan.ts'

describe("values as Go's encoding/json writes them", () => {
  it.each([
    [{ b: 1, a: [true, null] }, '{"a":[true,null],"b":1}'],
    [{ 10: 1, 9: 2, z: 3 }, '{"10":1,"9":2,"z":3}'],
    ['<a href="x">&\u2028', '"\\u003ca href=\\"x\\"\\u003e\\u0026\\u2028"'],
    ['\ud800x', '"\ufffdx"'],
    [{ '\uffff': 1, '\u{10000}': 2 }, '{"\uffff":1,"\u{10000}":2}'],
    [{ a: undefined, b: 2n ** 64n }, '{"b":18446744073709551616}'],
    [1e21, '1e+21'],
    [JSON.parse('{"__proto__":1,"a":2}'), '{"__proto__":1,"a":2}'],
  ])('%o', (value, text) => {
    expect(encodeGoJson(value)).toBe(text)
  })
})

describe("Go's words for what is no JSON", () => {
  // Each seen from Go's json.Decoder.
  it.each([
    ['', 'EOF'],
    ['  ', 'EOF'],
    ['[', 'unexpected EOF'],
    ['[{', 'unexpected EOF'],
    ['hello', "invalid character 'h' looking for beginning of value"],
    ['[{"key":"a" "b":1}]', "invalid character '\"' after object key:value pair"],
    ['[1 2]', "invalid character '2' after array element"],
    ['{"a" 1}', "invalid character '1' after object key"],
    ['{a:1}', "invalid character 'a' looking for beginning of object key string"],
    ['[tru]', "invalid character ']' in literal true (expecting 'e')"],
    ['[01]', "invalid character '1' after array element"],
    ['[1.]', "invalid character ']' after decimal point in numeric literal"],
    ['[-]', "invalid character ']' in numeric literal"],
    ['["\\q"]', "invalid character 'q' in string escape code"],
    ['["\\u12x4"]', "invalid character 'x' in \\u hexadecimal character escape"],
    ['["\n"]', "invalid character '\\n' in string literal"],
    ['é', "invalid character 'Ã' looking for beginning of value"],
  ])('%j: %s', (text, error) => {
    expect(scanFirstValue(text)).toEqual({ ok: false, error })
  })

  it('gives up on depth without overflowing the stack', () => {
    expect(scanFirstValue('['.repeat(100_000))).toEqual({ ok: false, error: 'exceeded max depth' })
  })

  it('reads the first value only', () => {
    expect(decodeFirstValue(' {"a":[1]} trailing {')).toEqual({ a: [1] })
    expect(() => decodeFirstValue('[1')).toThrow('unexpected EOF')
  })

  it('takes out the space between tokens only', () => {
    expect(compactJson(' { "a b" : [ 1 , "\\" " ] } ')).toBe('{"a b":[1,"\\" "]}')
    expect(compactJson('text')).toBeUndefined()
  })
})
