import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { roles, startCloud, subscriptionPath, type TestCloud } from './testing/cloud.ts'
import { createWidgets } from './testing/widgets.ts'

let cloud: TestCloud

const group = `${subscriptionPath}/resourceGroups/tagged`
const widget = `${group}/providers/Microsoft.Test/widgets/w`
const tags = (scope: string, name = 'default') =>
  `${scope}/providers/Microsoft.Resources/tags/${name}?api-version=2021-04-01`
const set = (scope: string, values: unknown) =>
  cloud.request('PUT', tags(scope), { body: { properties: { tags: values } } })
const patch = async (operation: string, values: unknown) => {
  const { json } = await cloud.request('PATCH', tags(widget), { body: { operation, properties: { tags: values } } })
  return json.properties?.tags ?? json.error
}

beforeAll(async () => {
  cloud = await startCloud({ providers: [createWidgets().provider] })
  await cloud.request('PUT', `${group}?api-version=2024-11-01`, { body: { location: 'westeurope' } })
  await cloud.request('PUT', `${widget}?api-version=2024-01-01`, { body: { location: 'westeurope' } })
})
afterAll(() => cloud.stop())

describe('the tags of a scope', () => {
  it('are those of the resource, the group and the subscription themselves', async () => {
    for (const [scope, apiVersion] of [
      [widget, '2024-01-01'],
      [group, '2024-11-01'],
      [subscriptionPath, '2022-12-01'],
    ]) {
      const answer = await set(scope ?? '', { a: 'b' })
      expect([answer.status, answer.json]).toEqual([
        200,
        {
          id: `${scope}/providers/Microsoft.Resources/tags/default`,
          name: 'default',
          type: 'Microsoft.Resources/tags',
          properties: { tags: { a: 'b' } },
        },
      ])
      expect((await cloud.request('GET', tags(scope ?? ''))).json).toEqual(answer.json)
      expect((await cloud.request('GET', `${scope}?api-version=${apiVersion}`)).json.tags).toEqual({ a: 'b' })
      expect((await cloud.request('DELETE', tags(scope ?? ''))).status).toBe(200)
      expect((await cloud.request('GET', tags(scope ?? ''))).json.properties).toEqual({ tags: {} })
    }
  })

  it('are merged, deleted by name or value, and replaced', async () => {
    await set(widget, { a: '1', b: '2' })
    expect(await patch('Merge', { A: '3', c: '4' })).toEqual({ a: '3', b: '2', c: '4' })
    expect(await patch('Delete', { b: 'other', c: '4' })).toEqual({ a: '3', b: '2' })
    expect(await patch('Delete', { b: '' })).toEqual({ a: '3' })
    expect(await patch('Replace', { z: '9' })).toEqual({ z: '9' })
    expect(await patch('Shuffle', {})).toMatchObject({ code: 'InvalidRequestContent' })
  })

  it('keep to the rules of tags and stand on what exists', async () => {
    expect((await set(widget, { 'a<b': 'c' })).json.error?.code).toBe('InvalidTagName')
    expect(
      (await set(widget, Object.fromEntries(Array.from({ length: 51 }, (_, i) => [`t${i}`, ''])))).json.error?.code,
    ).toBe('TooManyTags')
    expect((await set(`${group}/providers/Microsoft.Test/widgets/none`, {})).json.error?.code).toBe('ResourceNotFound')
    expect((await set(`${subscriptionPath}/resourceGroups/none`, {})).json.error?.code).toBe('ResourceGroupNotFound')
    expect((await cloud.request('GET', tags(widget, 'other'))).json.error?.code).toBe('InvalidTagsResourceName')
  })

  it('are changed by who may write tags only', async () => {
    const reader = await cloud.client([{ role: roles.reader, scope: group }])
    expect((await cloud.request('GET', tags(widget), { as: reader })).status).toBe(200)
    const refused = await cloud.request('PUT', tags(widget), { as: reader, body: { properties: { tags: {} } } })
    expect(refused.json.error?.message).toContain("'Microsoft.Resources/tags/write'")
  })
})

describe('the tag names of a subscription', () => {
  const names = (rest = '') => `${subscriptionPath}/tagNames${rest}?api-version=2021-04-01`

  it('are those in use, counted, and those declared', async () => {
    await set(widget, { team: 'red' })
    await set(group, { Team: 'red' })
    expect((await cloud.request('PUT', names('/cost'))).status).toBe(201)
    expect((await cloud.request('PUT', names('/cost/tagValues/low'))).status).toBe(201)
    const { json } = await cloud.request('GET', names())
    const shown = [...(json.value ?? [])].map((tag) => [tag.tagName, tag.count?.value, tag.values?.[0]?.tagValue])
    expect(shown).toEqual([
      ['cost', 0, 'low'],
      ['Team', 2, 'red'],
    ])
    expect((await cloud.request('DELETE', names('/team'))).json.error?.code).toBe('TagInUse')
    expect((await cloud.request('DELETE', names('/cost/tagValues/low'))).status).toBe(200)
    expect((await cloud.request('DELETE', names('/cost'))).status).toBe(200)
    expect((await cloud.request('DELETE', names('/cost'))).status).toBe(204)
    expect((await cloud.request('PUT', names('/none/tagValues/v'))).json.error?.code).toBe('TagNotFound')
  })
})
