import { describe, expect, it } from 'vitest'
import { formatGoFloat, parseGoInt, quote } from './strconv.ts'

describe('a Go number', () => {
  it.each([
    ['0', 0],
    ['+7', 7],
    ['-12', -12],
    ['2147483647', 2147483647],
    ['-2147483648', -2147483648],
  ])('%s is read', (text, value) => {
    expect(parseGoInt(text, 32)).toBe(value)
  })

  it.each([
    ['', 'strconv.Atoi: parsing "": invalid syntax'],
    ['1.5', 'strconv.Atoi: parsing "1.5": invalid syntax'],
    [' 1', 'strconv.Atoi: parsing " 1": invalid syntax'],
    ['x"\n', 'strconv.Atoi: parsing "x\\"\\n": invalid syntax'],
    ['9223372036854775808', 'strconv.Atoi: parsing "9223372036854775808": value out of range'],
  ])('%j is refused', (text, error) => {
    expect(parseGoInt(text, 64, 'Atoi')).toEqual({ error })
  })

  it.each([
    [5, '5'],
    [123456, '123456'],
    [1234567, '1.234567e+06'],
    [123456789012, '1.23456789012e+11'],
    [1e21, '1e+21'],
    [123456.5, '123456.5'],
    [0.0001, '0.0001'],
    [0.00001, '1e-05'],
    [1.5e-7, '1.5e-07'],
    [-0, '-0'],
  ])('%d is written as %s', (value, text) => {
    expect(formatGoFloat(value)).toBe(text)
  })
})

it('quotes as Go quotes', () => {
  expect(quote('a"\\\u0000\u200bé☃')).toBe('"a\\"\\\\\\x00\\u200bé☃"')
})
