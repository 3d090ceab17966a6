import { randomBytes } from 'node:crypto'
import { openStore, type Store } from '@keystead/store'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { resourceManagerMigrations } from './migrations.ts'
import type { ResourceStore } from './resource-store.ts'
import { openResourceStore } from './sql-resource-store.ts'

let store: Store
let resources: ResourceStore
const id = '/subscriptions/S/resourceGroups/Rg/providers/Microsoft.Test/widgets/W1'
const widget = { id, name: 'W1', type: 'Microsoft.Test/widgets', location: 'westeurope', properties: {} }

beforeEach(async () => {
  const masterKey = { bytes: randomBytes(32) }
  store = await openStore({ path: ':memory:', masterKey, migrations: [resourceManagerMigrations] })
  resources = openResourceStore(store)
})
afterEach(() => store.close())

describe('the resource store', () => {
  it('finds a resource by its id in any case, and keeps the case of the first write', async () => {
    await resources.put(widget)
    await resources.put({ ...widget, id: id.toUpperCase(), name: 'w1', properties: { size: 2 } })
    expect(await resources.get(id.toLowerCase())).toMatchObject({ ...widget, properties: { size: 2 } })
    expect(await resources.list({})).toHaveLength(1)
  })

  it('drops null members at any depth, and keeps nulls in arrays', async () => {
    const stored = await resources.put({ ...widget, properties: { a: null, b: { c: null, d: [null, { e: null }] } } })
    expect(stored.properties).toEqual({ b: { d: [null, {}] } })
    expect((await resources.get(id))?.properties).toEqual(stored.properties)
  })

  it('replaces the whole resource: what is left out is gone', async () => {
    await resources.put({ ...widget, tags: { a: 'b' }, sku: { name: 'x' }, kind: 'k' })
    await resources.put(widget)
    const { etag: _etag, ...stored } = (await resources.get(id)) ?? { etag: '' }
    expect(stored).toEqual(widget)
  })

  it('gives every write a new etag and holds a writer to the one they name', async () => {
    const first = await resources.put(widget, { ifNoneMatch: '*' })
    const second = await resources.put(widget, { ifMatch: first.etag })
    expect(second.etag).not.toBe(first.etag)
    await expect(resources.put(widget, { ifMatch: first.etag })).rejects.toMatchObject({ status: 412 })
    await expect(resources.put(widget, { ifNoneMatch: '*' })).rejects.toMatchObject({ status: 412 })
    await resources.delete(id)
    await expect(resources.put(widget, { ifMatch: '*' })).rejects.toMatchObject({ status: 412 })
    expect(await resources.get(id)).toBeUndefined()
  })

  it('finds a name within its type wherever it is', async () => {
    await resources.put(widget)
    expect(await resources.findByName('MICROSOFT.test/widgets', 'w1')).toMatchObject({ id })
    expect(await resources.findByName('Microsoft.Test/gadgets', 'w1')).toBeUndefined()
  })

  it('lists what is below a scope, and not its neighbours', async () => {
    const groups = [
      '/subscriptions/S/resourceGroups/a',
      '/subscriptions/S/resourceGroups/a-b',
      '/subscriptions/S/resourceGroups/A0',
    ]
    for (const group of groups) {
      await resources.put({ ...widget, id: `${group}/providers/Microsoft.Test/widgets/w` })
    }
    const below = await resources.list({ below: '/SUBSCRIPTIONS/S/RESOURCEGROUPS/A' })
    expect(below.map((each) => each.id)).toEqual([
      '/subscriptions/S/resourceGroups/a/providers/Microsoft.Test/widgets/w',
    ])
    expect(await resources.list({ below: '/subscriptions/S' })).toHaveLength(3)
    expect(await resources.list({ below: '/' })).toHaveLength(3)
  })

  it('pages by the last id of the page before', async () => {
    for (let i = 0; i < 5; i++) await resources.put({ ...widget, id: `${id}${i}`, name: `W1${i}` })
    const first = await resources.list({ limit: 2 })
    const second = await resources.list({ limit: 2, after: first.at(-1)?.id ?? '' })
    const third = await resources.list({ limit: 2, after: second.at(-1)?.id ?? '' })
    expect([first.length, second.length, third.length]).toEqual([2, 2, 1])
    expect(new Set([...first, ...second, ...third].map((each) => each.id)).size).toBe(5)
  })

  it('makes one resource of two creations at once', async () => {
    const writes = Array.from({ length: 10 }, () => resources.put(widget, { ifNoneMatch: '*' }))
    const outcomes = await Promise.allSettled(writes)
    expect(outcomes.filter((outcome) => outcome.status === 'fulfilled')).toHaveLength(1)
  })
})
