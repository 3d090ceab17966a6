import { describe, expect, test } from 'vitest'
import { storedApp, template } from './app-body.ts'
import { checkTraffic, forgotten, newRevisionName, type Revision, routes, superseded } from './revision-rules.ts'

const made = (image: string, revisionSuffix?: string) =>
  template.parse({ containers: [{ name: 'web', image }], ...(revisionSuffix ? { revisionSuffix } : {}) })
const revision = (name: string, sequence: number, more: Partial<Revision> = {}): Revision => ({
  name,
  sequence,
  createdAt: sequence,
  active: true,
  ready: true,
  template: made(name),
  ...more,
})
const app = (mode: string, traffic?: unknown) =>
  storedApp.parse({
    environmentId: '/e',
    identities: { system: false, user: [] },
    template: made('x'),
    configuration: { activeRevisionsMode: mode, ingress: { targetPort: 80, traffic } },
  })
const dice = () => 0

describe('a new revision', () => {
  test('is made for a new template only', () => {
    const known = [revision('app--a', 1, { template: made('web:1') })]
    expect(newRevisionName('app', made('web:1'), known, dice)).toBeUndefined()
    expect(newRevisionName('app', made('web:2'), known, dice)).toBe('app--aaaaaaa')
    expect(newRevisionName('app', made('web:1', 'v2'), known, dice)).toBe('app--v2')
  })

  test('draws another name when one is taken, and is refused when its suffix is', () => {
    const known = [revision('app--aaaaaaa', 1), revision('app--v1', 2)]
    const drawn = [...Array(7).fill(0), ...Array(7).fill(1)]
    expect(newRevisionName('app', made('new'), known, () => drawn.shift() ?? 2)).toBe('app--bbbbbbb')
    expect(() => newRevisionName('app', made('new', 'v1'), known, dice)).toThrow(
      'revision with suffix v1 already exists',
    )
    expect(() => newRevisionName('app', made('new', 'a--b'), known, dice)).toThrow('template.revisionsuffix')
  })
})

describe('in single mode', () => {
  test('an old revision goes only when a younger one has been ready', () => {
    const [a, b, c] = [revision('a', 1), revision('b', 2, { ready: false }), revision('c', 3, { ready: false })]
    expect(superseded('Single', [a, b, c])).toEqual([])
    expect(superseded('Single', [a, b, { ...c, ready: true }])).toEqual([a, b])
    expect(superseded('Single', [a, { ...b, ready: true }, c])).toEqual([a])
    expect(superseded('Multiple', [a, { ...b, ready: true }])).toEqual([])
  })

  test('traffic stays with the last that was ready', () => {
    const known = [revision('a', 1), revision('b', 2, { ready: false })]
    expect(routes(app('Single', [{ revisionName: 'b', weight: 100 }]), known)).toEqual([{ revision: 'a', weight: 100 }])
  })
})

test('in multiple mode traffic follows its weights, and its labels', () => {
  const known = [revision('a', 1), revision('b', 2), revision('c', 3, { active: false })]
  const traffic = [
    { latestRevision: true, weight: 20 },
    { revisionName: 'a', weight: 80, label: 'blue' },
    { revisionName: 'c', weight: 0, label: 'gone' },
  ]
  expect(routes(app('Multiple', traffic), known)).toEqual([
    { revision: 'b', weight: 20 },
    { revision: 'a', weight: 80, label: 'blue' },
  ])
})

test.each([
  [[{ revisionName: 'a', weight: 99 }], 'must make 100, and make 99'],
  [[{ revisionName: 'gone', weight: 100 }], "no active revision 'gone'"],
  [[{ weight: 100 }], 'Each names a revision'],
  [
    [
      { revisionName: 'a', weight: 50, label: 'x' },
      { latestRevision: true, weight: 50, label: 'x' },
    ],
    'A label belongs to one revision',
  ],
])('traffic is refused (%#)', (traffic, message) => {
  const { configuration } = app('Multiple', traffic)
  expect(() => checkTraffic(configuration.ingress?.traffic, [revision('a', 1)])).toThrow(message)
})

test('of inactive revisions only the youngest are kept', () => {
  const known = [1, 2, 3].map((sequence) => revision(`r${sequence}`, sequence, { active: false }))
  expect(forgotten([...known, revision('r4', 4)], 2).map(({ name }) => name)).toEqual(['r1'])
})
