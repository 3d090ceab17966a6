/** Queries made up at random, the same ones for the same seed, over one table of log lines. */

/** A generator of pseudo-random numbers (mulberry32). */
export function randomOf(seed: number): () => number {
  let state = seed
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let t = Math.imul(state ^ (state >>> 15), 1 | state)
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t
    return ((t ^ (t >>> 14)) >>> 0) / 4_294_967_296
  }
}

const apps = ['orders', 'queue', 'Orders', 'billing']
const lines = [
  'level=info msg="component loaded. name: secretstore"',
  'level=error msg="error getting secret" code=403',
  'Level=Error took=15ms id=42',
  'GET /orders/17 200 3.5ms',
  '',
  'plain words of a log',
  'retry 3 of 5',
  'ORDERS placed: 12',
]

/** `let T = datatable(...)[...];` */
export function sampleTable(random: () => number, rows = 40): string {
  const pick = <T>(values: readonly T[]): T => values[Math.floor(random() * values.length)] as T
  const values = Array.from({ length: rows }, (_, index) => {
    const minute = Math.floor(random() * 3000)
    return [
      `datetime(${new Date(Date.UTC(2026, 0, 1) + minute * 60_000).toISOString()})`,
      `'${pick(apps)}'`,
      `'${pick(lines)}'`,
      random() < 0.15 ? 'long(null)' : String(Math.floor(random() * 40) - 10),
      random() < 0.15 ? 'real(null)' : (random() * 20 - 5).toFixed(2),
      String(index),
    ].join(', ')
  })
  return `let T = datatable(Time:datetime, App:string, Line:string, N:long, R:real, Id:long)[${values.join(', ')}];`
}

/** A pipe that ends with an order over all that is left, or with one row, so that two engines can be compared. */
export function generateQuery(random: () => number): string {
  const pick = <T>(values: readonly T[]): T => values[Math.floor(random() * values.length)] as T
  const integer = () => String(Math.floor(random() * 30) - 10)
  const text = () => pick(['error', 'level', 'orders', 'ORDERS', 'msg', '3', 'log', 'er', 'id=', 'of'])

  const number = (depth: number): string =>
    depth === 0 || random() < 0.4
      ? pick(['N', 'Id', integer(), 'strlen(Line)', 'R'])
      : pick([
          () => `(${number(depth - 1)} + ${number(depth - 1)})`,
          () => `(${number(depth - 1)} - ${number(depth - 1)})`,
          () => `(${number(depth - 1)} * ${pick(['2', '3', '-1'])})`,
          () => `iff(${condition(depth - 1)}, ${number(0)}, ${number(0)})`,
          () => `bin(${pick(['N', 'Id'])}, ${pick(['2', '5', '7'])})`,
          () => `coalesce(${pick(['N', 'long(null)'])}, Id)`,
          () => `hourofday(Time)`,
          () => `countof(Line, '${text()}')`,
          () => `indexof(Line, '${text()}')`,
        ])()

  const word = (): string =>
    pick([
      'App',
      'Line',
      'tolower(Line)',
      'toupper(App)',
      'substring(Line, 2, 5)',
      "strcat(App, '-', tostring(N))",
      "replace_string(Line, 'e', 'E')",
      "tostring(split(Line, ' ')[0])",
      "extract('([0-9]+)', 1, Line)",
      'format_datetime(Time, "yyyy-MM-dd HH:mm")',
      "trim(' ', Line)",
      "case(N > 5, 'big', N > 0, 'small', 'none')",
    ])

  const condition = (depth: number): string =>
    depth === 0 || random() < 0.5
      ? pick([
          () => `N ${pick(['==', '!=', '<', '>', '<=', '>='])} ${integer()}`,
          () => `R ${pick(['<', '>'])} ${integer()}`,
          () =>
            `Line ${pick(['contains', '!contains', 'contains_cs', 'startswith', 'endswith', 'has', '!has', 'has_cs'])} '${text()}'`,
          () => `App ${pick(['==', '!=', '=~', '!~'])} '${pick(apps)}'`,
          () => `App ${pick(['in', '!in', 'in~'])} ('orders', 'queue')`,
          () => `N ${pick(['in', '!in'])} (1, 2, 3, 5)`,
          () => `Line matches regex '${pick(['[0-9]+ms', '^level', '(?i)error'])}'`,
          () => `N between (${pick(['-5', '0'])} .. ${pick(['5', '20'])})`,
          () => `Time > datetime(2026-01-${pick(['01', '02'])} 12:00)`,
          () => `${pick(['isnull', 'isnotnull'])}(${pick(['N', 'R'])})`,
          () => `${pick(['isempty', 'isnotempty'])}(Line)`,
        ])()
      : pick([
          () => `(${condition(depth - 1)} and ${condition(depth - 1)})`,
          () => `(${condition(depth - 1)} or ${condition(depth - 1)})`,
          () => `not(${condition(depth - 1)})`,
        ])()

  const aggregate = (): string =>
    pick([
      'count()',
      `countif(${condition(0)})`,
      `sum(${pick(['N', 'Id'])})`,
      'avg(N)',
      `min(${pick(['N', 'Time', 'R'])})`,
      `max(${pick(['N', 'Time', 'R'])})`,
      `dcount(${pick(['App', 'N'])})`,
      'sumif(N, N > 0)',
    ])

  const steps: string[] = ['T']
  for (let count = Math.floor(random() * 3); count > 0; count -= 1) {
    steps.push(
      random() < 0.6 ? `where ${condition(2)}` : `extend X${steps.length} = ${random() < 0.5 ? number(2) : word()}`,
    )
  }
  const ending = random()
  if (ending < 0.35) {
    const group = pick(['App', 'tolower(App)', 'bin(Time, 6h)', 'bin(N, 5)', 'hourofday(Time)'])
    steps.push(`summarize A = ${aggregate()}, B = ${aggregate()} by G = ${group}`, 'order by G asc')
  } else if (ending < 0.5) {
    steps.push(`summarize A = ${aggregate()}, B = ${aggregate()}, C = ${aggregate()}`)
  } else if (ending < 0.65) {
    steps.push(`project Id, V = ${number(2)}, W = ${word()}`, 'order by Id asc', `take ${pick(['5', '100'])}`)
  } else if (ending < 0.8) {
    steps.push(
      `top ${pick(['3', '10'])} by Id ${pick(['asc', 'desc'])}`,
      `project Id, V = ${word()}, W = ${condition(1)}`,
    )
  } else if (ending < 0.9) {
    const kind = pick(['inner', 'leftouter', 'leftsemi', 'leftanti'])
    steps.push(
      `where Id < 15`,
      `join kind=${kind} (T | where ${condition(1)} | summarize M = max(N) by App) on App`,
      `project Id, App${kind === 'inner' || kind === 'leftouter' ? ', M' : ''}`,
      'order by Id asc',
    )
  } else {
    steps.push(`extend G = ${pick(['bin(N, 10)', 'N > 3'])}`, 'distinct App, G', 'count')
  }
  return steps.join(' | ')
}
