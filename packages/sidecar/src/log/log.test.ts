import { describe, expect, it } from 'vitest'
import { formatJson, formatText } from './format.ts'
import { goQuote, goUnquote } from './go-quote.ts'
import { createLogOutput } from './logger.ts'
import { rfc3339Nano } from './timestamp.ts'

describe('log lines', () => {
  const fields = { app_id: 'my app', instance: 'host', scope: 'dapr.runtime', type: 'log', ver: '1.18.3' }
  const record = {
    time: '2026-11-22T11:11:37.5Z',
    level: 'info',
    message: 'Component loaded: s (state.in-memory/v1)',
    fields,
  }

  it('have the fields in alphabetical order, quoted where logrus quotes', () => {
    expect(formatText(record)).toBe(
      'time="2026-11-22T11:11:37.5Z" level=info msg="Component loaded: s (state.in-memory/v1)" app_id="my app" instance=host scope=dapr.runtime type=log ver=1.18.3\n',
    )
  })

  it('leave an empty value without quotes', () => {
    expect(formatText({ ...record, message: '', fields: { a: '', n: 5 } })).toBe(
      'time="2026-11-22T11:11:37.5Z" level=info msg= a= n=5\n',
    )
  })

  it('are JSON with sorted keys and HTML escapes on demand', () => {
    expect(formatJson({ ...record, message: 'a<b>&"\n' })).toBe(
      '{"app_id":"my app","instance":"host","level":"info","msg":"a\\u003cb\\u003e\\u0026\\"\\n","scope":"dapr.runtime","time":"2026-11-22T11:11:37.5Z","type":"log","ver":"1.18.3"}\n',
    )
  })

  it('are left out below the level, and have no app_id before there is one', () => {
    const lines: string[] = []
    const log = createLogOutput({
      appId: '',
      instance: 'h',
      version: '1',
      level: 'warn',
      json: false,
      write: (line) => lines.push(line),
      clock: () => ({ nanoseconds: 1_500_000_000n, offsetMinutes: 0 }),
    }).scope('s')
    log.info('no')
    log.warn('yes')
    expect(lines).toEqual(['time="1970-01-01T00:00:01.5Z" level=warning msg=yes instance=h scope=s type=log ver=1\n'])
  })

  it.each([
    [0n, 0, '1970-01-01T00:00:00Z'],
    [123_456_789n, 0, '1970-01-01T00:00:00.123456789Z'],
    [1_100_000_000n, 120, '1970-01-01T02:00:01.1+02:00'],
    [1_000_000_000n, -90, '1969-12-31T22:30:01-01:30'],
  ])('date %s with offset %s as %s', (nanoseconds, offset, text) => {
    expect(rfc3339Nano(nanoseconds, offset)).toBe(text)
  })
})

describe('Go strings', () => {
  it.each([
    ['plain', '"plain"'],
    ['a"b\\c', '"a\\"b\\\\c"'],
    ['\n\r\t\u0007\u0000\u007f', '"\\n\\r\\t\\a\\x00\\x7f"'],
    ['é 日本 😀…', '"é 日本 😀…"'],
    ['\u200b\u00a0\u{e0001}', '"\\u200b\\u00a0\\U000e0001"'],
  ])('%j is written %s', (text, quoted) => {
    expect(goQuote(text)).toBe(quoted)
    expect(goUnquote(quoted)).toBe(text)
  })

  it.each([
    ['"a', undefined],
    ['plain', undefined],
    ['"a"b"', undefined],
    ["'ab'", undefined],
    ["'a'", 'a'],
    ['`raw\\n`', 'raw\\n'],
    ['"\\x41\\101\\u00e9"', 'AAé'],
    ['"\\q"', undefined],
    ['', undefined],
    ['"', undefined],
  ])('%j is read as %j', (text, expected) => {
    expect(goUnquote(text)).toBe(expected)
  })
})
