import { describe, expect, it } from 'vitest'
import { matches, parseFilter, requiredValue } from './odata-filter.ts'

const fields: Record<string, string | null> = { name: "o'hara", type: 'A/b', kind: null }
const holds = (text: string) =>
  matches(parseFilter(text), { field: (name) => (Object.hasOwn(fields, name) ? fields[name] : undefined) }, text)

describe('a filter', () => {
  it.each([
    ["name eq 'O''Hara'", true],
    ["name ne 'x' and type eq 'a/B'", true],
    ["name eq 'x' or name eq 'y' or type eq 'A/b'", true],
    ["name eq 'x' and name eq 'y' or type eq 'A/b'", true],
    ["name eq 'x' and (name eq 'y' or type eq 'A/b')", false],
    ["not name eq 'x' and not (type eq 'x')", true],
    ["kind eq 'x'", false],
    ["startswith(name, 'O')", true],
    ["endswith(name, 'x')", false],
    ["contains(type, '/')", true],
    ["substringof('hara', name)", true],
    ['  name   eq   5 ', false],
  ])('%s', (text, expected) => {
    expect(holds(text)).toBe(expected)
  })

  it.each([
    '',
    'name',
    "name eq 'x",
    "name like 'x'",
    "name eq 'x' name eq 'y'",
    '(',
    ')',
    "f('x'",
    'constructor eq 1',
    "x('a','b')",
    'é eq 1',
  ])('that reads %j is refused', (text) => {
    expect(() => holds(text)).toThrow(expect.objectContaining({ code: 'InvalidFilterInQueryString' }))
  })

  it('tells which value an index may look up', () => {
    expect(requiredValue(parseFilter("a eq '1' and (b eq '2' and c ne '3')"), 'B')).toBe('2')
    expect(requiredValue(parseFilter("a eq '1' or b eq '2'"), 'a')).toBeUndefined()
    expect(requiredValue(parseFilter("not (a eq '1')"), 'a')).toBeUndefined()
    expect(requiredValue(parseFilter("a ne '1'"), 'a')).toBeUndefined()
  })
})
