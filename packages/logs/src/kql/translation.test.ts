import { describe, expect, it } from 'vitest'
import { now, sampleEngine } from '../testing/sample-table.ts'
import { KqlError } from './kql-error.ts'

const engine = sampleEngine()
const run = (query: string) => engine.run(query, { now, rows: 1000 })
const rows = (query: string) => run(query).rows

/** What `print` makes of expressions. */
const print = (expression: string) => rows(`print ${expression}`)[0]?.[0]

function refusal(query: string): KqlError {
  try {
    run(query)
  } catch (error) {
    if (error instanceof KqlError) return error
    throw error
  }
  throw new Error(`not refused: ${query}`)
}

describe('where', () => {
  it.each([
    ["Log contains 'LEVEL=ERR'", [2, 3]],
    ["Log contains_cs 'level=err'", [2]],
    ["Log !contains 'level'", [null, -7]],
    ["Log has 'error'", [2, 3]],
    ["Log has 'err'", []],
    ["Log has_cs 'Error'", [3]],
    ["Log hasprefix 'err'", [2, 3]],
    ["Log hassuffix 'cret'", [2]],
    ["Log startswith 'LEVEL'", [1, 2, 3]],
    ["Log startswith_cs 'Level'", [3]],
    ["Log endswith '100%'", [-7]],
    ["Log contains 'äöü'", [-7]],
    ["Log contains '%'", [-7]],
    ["App =~ 'ÜBER'", [-7]],
    ["App !~ 'ORDERS'", [3, null, -7]],
    ["App in ('orders', 'über')", [1, 2, -7]],
    ["App !in ('orders', 'über')", [3, null]],
    ["App in~ ('ORDERS')", [1, 2]],
    ['N in (1, 3)', [1, 3]],
    ['N between (1 .. 2)', [1, 2]],
    ['N !between (1 .. 2)', [3, -7]],
    // A null is different from a value, and not less than one.
    ['N != 1', [2, 3, null, -7]],
    ['N < 2', [1, -7]],
    ['not(N == 1)', [2, 3, null, -7]],
    ['isnull(N)', [null]],
    ['isempty(Log)', [null]],
    ["Log has_any ('secretstore', 'took')", [1, 3]],
    ["Log has_all ('level', 'secret')", [2]],
    ["Log matches regex @'id=\\d+'", [3]],
    ["Log matches regex '(?i)ERROR GETTING'", [2]],
    ['TimeGenerated > ago(45m)', [3, null]],
    ['TimeGenerated between (datetime(2023-02-23T11:00:00Z) .. 10m)', [1, 2]],
    ["tostring(D.b) == 'x'", [1]],
    ['D[0] == 1', [3]],
    ['D.a[1] == 2', [1]],
    ['N > 0 and (App == "queue" or R < 0)', [2, 3]],
  ])('%s', (condition, expected) => {
    expect(rows(`T | where ${condition} | project N`).map(([value]) => value)).toEqual(expected)
  })
})

describe('scalars', () => {
  it.each([
    ['7 / 2', 3],
    ['7.0 / 2', 3.5],
    ['1 / 0', null],
    ['1.0 / 0', 'Infinity'],
    ['-7 % 3', 2],
    ['bin(-7, 3)', -9],
    ['bin(4.5, 1)', 4],
    ['9223372036854775807', 9223372036854775807n],
    ['strcat("a", 1, true)', 'a1True'],
    ['strlen("äöü😀")', 4],
    ['substring("abcdef", 2, 3)', 'cde'],
    ['indexof("abcabc", "c", 3)', 5],
    ['toupper("straße")', 'STRASSE'],
    ['replace_string("a.b.c", ".", "-")', 'a-b-c'],
    ["replace_regex('ab12', @'(\\d)(\\d)', @'\\2\\1')", 'ab21'],
    ["extract(@'took=(\\d+)ms', 1, 'took=15ms')", '15'],
    ["extract(@'took=(\\d+)ms', 1, 'took=15ms', typeof(long))", 15],
    ["trim('-', '--a-b--')", 'a-b'],
    ['tostring(split("a,b,c", ",")[1])', 'b'],
    ['countof("aaa", "aa")', 2],
    ['reverse("äb")', 'bä'],
    ['tolong("42")', 42],
    ['tolong("4x")', null],
    ['toint("3000000000")', null],
    ['todatetime("2023-02-30")', null],
    ['iff(1 > 2, "yes", "no")', 'no'],
    ['case(false, 1, true, 2, 3)', 2],
    ['coalesce(long(null), 5)', 5],
    ['max_of(1, 3, 2)', 3],
    ['round(2.555, 1)', 2.6],
    ['pow(2, 10)', 1024],
    ['datetime(2023-02-23T12:34:56.1234567Z)', '2023-02-23T12:34:56.1234567Z'],
    ['bin(datetime(2023-02-23 12:34), 1h)', '2023-02-23T12:00:00Z'],
    ['now() - ago(1d)', '1.00:00:00'],
    ['1h + 30m', '01:30:00'],
    ['1d / 1h', 24],
    ['format_datetime(now(), "yyyy-MM-dd HH:mm:ss")', '2023-02-23 12:00:00'],
    ['format_timespan(time(1.02:03:04), "d.hh:mm:ss")', '1.02:03:04'],
    ['startofweek(datetime(2023-02-23))', '2023-02-19T00:00:00Z'],
    ['endofmonth(datetime(2023-02-23))', '2023-02-28T23:59:59.9999999Z'],
    ['dayofweek(datetime(2023-02-23))', '4.00:00:00'],
    ['datetime_diff("day", datetime(2023-03-01), datetime(2023-02-28))', 1],
    ['datetime_add("month", 1, datetime(2023-01-31))', '2023-02-28T00:00:00Z'],
    ['datetime_part("hour", datetime(2023-01-01 13:00))', 13],
    ['week_of_year(datetime(2021-01-03))', 53],
    ['datetime_utc_to_local(datetime(2023-07-01 12:00), "Europe/Berlin")', '2023-07-01T14:00:00Z'],
    ['datetime_local_to_utc(datetime(2023-01-01 12:00), "Europe/Berlin")', '2023-01-01T11:00:00Z'],
    ['unixtime_seconds_todatetime(1677153600)', '2023-02-23T12:00:00Z'],
    ['dynamic({"a": [1, 2.5, true, null]}).a', '[1,2.5,true,null]'],
    ['tostring(dynamic({"a": {"b": "c"}}).a)', '{"b":"c"}'],
    ['parse_json(\'{"x": 12345678901234567890}\').x', '12345678901234567890'],
    ['parse_json("not json")', 'not json'],
    ['array_length(dynamic([1, 2, 3]))', 3],
    ['bag_pack("a", 1, "b", "x")', '{"a":1,"b":"x"}'],
    ['array_concat(dynamic([1]), dynamic([2, 3]))', '[1,2,3]'],
    ['bag_keys(dynamic({"a": 1, "b": 2}))', '["a","b"]'],
    ['set_has_element(dynamic(["a", "b"]), "b")', true],
    ['gettype(dynamic([1]))', 'array'],
    ['hash_sha256("a")', 'ca978112ca1bbdcafac231b39a23dc4da786eff8147c4e72b9807785afee48bb'],
    // Two literals beside each other are one text.
    ["'it''s'", 'its'],
    ["'it' \"'\" 's'", "it's"],
    ['"O\'Brien; DROP TABLE sample; --"', "O'Brien; DROP TABLE sample; --"],
  ])('%s', (expression, expected) => {
    expect(print(expression)).toEqual(expected)
  })
})

describe('operators', () => {
  it('summarizes by groups, with each aggregate', () => {
    const result = run(
      'T | summarize count(), sum(N), avg(R), max(TimeGenerated), dcount(N), countif(N > 1), make_set(N), percentile(N, 50) by App | order by App asc',
    )
    expect(result.columns.map(({ name }) => name)).toEqual([
      ...['App', 'count_', 'sum_N', 'avg_R', 'max_TimeGenerated', 'dcount_N', 'countif_', 'set_N', 'percentile_N_50'],
    ])
    expect(result.rows).toEqual([
      ['orders', 2, 3, -0.5, '2023-02-23T11:10:00Z', 2, 1, '[1,2]', 1],
      ['queue', 2, 3, 0, '2023-02-23T11:30:00Z', 1, 1, '[3]', 3],
      ['über', 1, -7, 2.25, '2023-02-22T09:00:00Z', 1, 0, '[-7]', -7],
    ])
    expect(rows('T | where N == 99 | summarize count(), sum(N)')).toEqual([[0, 0]])
    expect(rows('T | summarize count() by bin(TimeGenerated, 1d) | order by TimeGenerated asc')).toEqual([
      ['2023-02-22T00:00:00Z', 1],
      ['2023-02-23T00:00:00Z', 4],
    ])
    expect(rows('T | summarize arg_max(N, *) by App | order by App asc | project App, N, R')).toEqual([
      ['orders', 2, -2.5],
      ['queue', 3, null],
      ['über', -7, 2.25],
    ])
  })

  it('sorts with nulls as the smallest, and keeps the order through what follows', () => {
    expect(rows('T | order by N | project N')).toEqual([[3], [2], [1], [-7], [null]])
    expect(rows('T | order by N asc | extend M = N * 2 | project M')).toEqual([[null], [-14], [2], [4], [6]])
    expect(rows('T | order by N desc nulls first | take 2 | project N')).toEqual([[null], [3]])
    expect(rows('T | top 2 by N | project N')).toEqual([[3], [2]])
    expect(rows('T | order by N asc nulls last | summarize make_list(N)')).toEqual([['[-7,1,2,3]']])
  })

  it('changes columns', () => {
    expect(
      run('T | project-away L*, D, R | project-rename Count = N | take 1').columns.map(({ name }) => name),
    ).toEqual(['TimeGenerated', 'App', 'Count'])
    expect(run('T | extend N = N + 1, D.a, strlen(App) | take 1').columns.map(({ name }) => name)).toEqual([
      ...['TimeGenerated', 'App', 'Log', 'N', 'R', 'D', 'D_a', 'strlen_App'],
    ])
    expect(rows('T | distinct App | count')).toEqual([[3]])
  })

  it('joins in every kind', () => {
    const other = 'datatable(App:string, Owner:string)["orders", "ann", "orders", "bob", "none", "cat"]'
    const joined = (kind: string) => rows(`T | project App, N | join kind=${kind} (${other}) on App | count`)[0]?.[0]
    expect(joined('inner')).toBe(4)
    expect(joined('innerunique')).toBe(2)
    expect(joined('leftouter')).toBe(7)
    expect(joined('rightouter')).toBe(5)
    expect(joined('fullouter')).toBe(8)
    expect(joined('leftsemi')).toBe(2)
    expect(joined('leftanti')).toBe(3)
    expect(joined('rightsemi')).toBe(2)
    expect(joined('rightanti')).toBe(1)
    expect(
      rows(
        `T | where N == 1 | join kind=leftouter (${other}) on $left.App == $right.App | project App, App1, Owner | order by Owner asc`,
      ),
    ).toEqual([
      ['orders', 'orders', 'ann'],
      ['orders', 'orders', 'bob'],
    ])
    expect(rows(`T | where N == 3 | lookup (${other}) on App | project App, Owner`)).toEqual([['queue', '']])
  })

  it('unites tables by name and type', () => {
    const result = run('T | project N, App | take 1 | union (print N = "text", B = true)')
    expect(result.columns).toEqual([
      { name: 'N_long', type: 'long' },
      { name: 'N_string', type: 'string' },
      { name: 'App', type: 'string' },
      { name: 'B', type: 'bool' },
    ])
    expect(result.rows).toEqual([
      [1, '', 'orders', null],
      [null, 'text', '', true],
    ])
  })

  it('parses texts', () => {
    expect(
      rows("T | parse Log with 'level=' Level ' msg=' Message | where Level != '' | project Level, Message"),
    ).toEqual([
      ['info', '"component loaded. name: secretstore"'],
      ['error', '"error getting secret"'],
    ])
    expect(rows("T | where N == 3 | parse Log with * 'took=' Took:long 'ms id=' Id:int | project Took, Id")).toEqual([
      [15, 42],
    ])
    // One value of the wrong type, and nothing of the row is taken, unless it is relaxed.
    expect(rows("print s = 'a=1 b=x' | parse s with 'a=' a:long ' b=' b:long")).toEqual([['a=1 b=x', null, null]])
    expect(rows("print s = 'a=1 b=x' | parse kind=relaxed s with 'a=' a:long ' b=' b:long")).toEqual([
      ['a=1 b=x', 1, null],
    ])
    expect(rows("T | parse-where Log with 'level=' Level ' ' * | count")).toEqual([[2]])
  })

  it('expands arrays', () => {
    expect(rows('T | where N == 3 | mv-expand D | project D')).toEqual(
      [[1], ['two'], ['{"three":3}']].map(([v]) => [String(v)]),
    )
    expect(
      rows('print a = dynamic([1, 2]), b = dynamic(["x"]) | mv-expand a to typeof(long), b to typeof(string)'),
    ).toEqual([
      [1, 'x'],
      [2, ''],
    ])
    // A null gives one row, an empty array none.
    expect(rows('print a = dynamic(null) | mv-expand a | count')).toEqual([[1]])
    expect(rows('print a = dynamic([]) | mv-expand a | count')).toEqual([[0]])
    expect(rows('print a = dynamic({"k": 1, "l": 2}) | mv-expand with_itemindex=i a | project i, a')).toEqual([
      [0, '{"k":1}'],
      [1, '{"l":2}'],
    ])
  })

  it('binds names, functions and tables with let', () => {
    expect(
      rows(`let least = 2;
        let times = (x: long, factor: long = 2) { x * factor };
        let Big = (Rows: (N: long), limit: long) { Rows | where N >= limit };
        let Apps = materialize(T | distinct App);
        Big(T, least) | where App in (Apps) | project times(N), times(N, 10), Total = toscalar(T | count)`),
    ).toEqual([
      [4, 20, 5],
      [6, 30, 5],
    ])
  })

  it('makes rows: range, datatable, print', () => {
    expect(rows('range x from 1 to 7 step 3')).toEqual([[1], [4], [7]])
    expect(rows('range t from datetime(2023-01-01) to datetime(2023-01-02) step 12h | count')).toEqual([[3]])
    expect(rows('range x from 3 to 1 step -1')).toEqual([[3], [2], [1]])
  })

  it('tells the client what to draw', () => {
    expect(run('T | summarize count() by App | render columnchart').render).toBe('columnchart')
  })
})

describe('what is not answered', () => {
  it.each([
    ['T | wher N > 1', 'syntax', 4],
    ['T | where Nope == 1', 'semantic', 10],
    ['Missing | take 1', 'semantic', 0],
    ["T | where Log matches regex '(?=x)'", 'semantic', 28],
    ['T | evaluate bag_unpack(D)', 'unsupported', 4],
    ['T | make-series count() on TimeGenerated from ago(1d) to now() step 1h', 'unsupported', 4],
    ['T | extend x = rand()', 'unsupported', 15],
    ['T | extend x = decimal(1.5)', 'unsupported', 4],
    ["search 'x'", 'unsupported', 0],
    ["T | where * has 'x'", 'unsupported', 10],
    ['T | summarize x = count() + 1', 'unsupported', 18],
    ['', 'semantic', 0],
  ] as const)('%s', (query, kind, start) => {
    const error = refusal(query)
    expect([error.kind, error.start]).toEqual([kind, start])
  })

  it('tells line and column', () => {
    expect(refusal('T\n| where N > 1\n| where Nope').position('T\n| where N > 1\n| where Nope')).toEqual({
      line: 3,
      column: 9,
    })
  })
})
