import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { roles, startCloud, subscriptionPath, type TestCloud } from './testing/cloud.ts'
import { createWidgets } from './testing/widgets.ts'

let cloud: TestCloud

const group = `${subscriptionPath}/resourceGroups/locked`
const widget = `${group}/providers/Microsoft.Test/widgets/w`
const lock = (scope: string, name = 'l') =>
  `${scope}/providers/Microsoft.Authorization/locks/${name}?api-version=2016-09-01`
const at = (path: string) => `${path}?api-version=2024-01-01`
const groups = (path: string) => `${path}?api-version=2024-11-01`
const put = async (scope: string, level: string, name = 'l') => {
  const answer = await cloud.request('PUT', lock(scope, name), { body: { properties: { level, notes: 'why' } } })
  expect(answer.status).toBeLessThan(300)
  return answer
}
const drop = async (scope: string, name = 'l') => {
  expect((await cloud.request('DELETE', lock(scope, name))).status).toBe(200)
}
const write = () => cloud.request('PUT', at(widget), { body: { location: 'westeurope', properties: { size: 1 } } })

beforeAll(async () => {
  cloud = await startCloud({ providers: [createWidgets().provider] })
  await cloud.request('PUT', groups(group), { body: { location: 'westeurope' } })
  await write()
})
afterAll(() => cloud.stop())

describe('a lock', () => {
  it('is created, read, changed and deleted', async () => {
    const created = await put(group, 'CanNotDelete')
    expect(created.status).toBe(201)
    expect(created.json).toEqual({
      id: `${group}/providers/Microsoft.Authorization/locks/l`,
      type: 'Microsoft.Authorization/locks',
      name: 'l',
      properties: { level: 'CanNotDelete', notes: 'why' },
    })
    expect((await put(group, 'ReadOnly')).status).toBe(200)
    expect((await cloud.request('GET', lock(group))).json.properties?.level).toBe('ReadOnly')
    await drop(group)
    expect((await cloud.request('DELETE', lock(group))).status).toBe(204)
    expect((await cloud.request('GET', lock(group))).json.error?.code).toBe('LockNotFound')
  })

  it('that forbids deletion lets everything else through', async () => {
    await put(group, 'CanNotDelete')
    expect((await write()).status).toBe(200)
    expect((await cloud.request('POST', at(`${widget}/listKeys`))).status).toBe(200)
    for (const [path, scope] of [
      [groups(group), group],
      [at(widget), widget],
    ] as const) {
      const refused = await cloud.request('DELETE', path)
      expect([refused.status, refused.json.error]).toEqual([
        409,
        {
          code: 'ScopeLocked',
          message: `The scope '${scope}' cannot perform delete operation because following scope(s) are locked: '${group}'. Please remove the lock and try again.`,
        },
      ])
    }
    await drop(group)
  })

  it('for reading only refuses writes, actions and deletions, and no reads', async () => {
    await put(widget, 'ReadOnly')
    expect((await cloud.request('GET', at(widget))).status).toBe(200)
    for (const answer of [
      await write(),
      await cloud.request('POST', at(`${widget}/listKeys`)),
      await cloud.request('PUT', `${widget}/providers/Microsoft.Resources/tags/default?api-version=2021-04-01`, {
        body: { properties: { tags: {} } },
      }),
      await cloud.request('DELETE', at(widget)),
    ]) {
      expect([answer.status, answer.json.error?.code]).toEqual([409, 'ScopeLocked'])
    }
    await drop(widget)
    expect((await write()).status).toBe(200)
  })

  it('on a resource keeps the group that holds it from deletion', async () => {
    await put(widget, 'CanNotDelete')
    const refused = await cloud.request('DELETE', groups(group))
    expect(refused.json.error?.message).toContain(`following scope(s) are locked: '${widget}'`)
    expect((await cloud.request('GET', at(widget))).status).toBe(200)
    await drop(widget)
  })

  it('on the subscription reaches everything in it', async () => {
    await put(subscriptionPath, 'ReadOnly')
    expect((await write()).json.error?.message).toContain(`are locked: '${subscriptionPath}'`)
    const other = groups(`${subscriptionPath}/resourceGroups/other`)
    expect((await cloud.request('PUT', other, { body: { location: 'westeurope' } })).status).toBe(409)
    await drop(subscriptionPath)
  })

  it('is compared without case', async () => {
    await put(widget, 'CanNotDelete')
    expect(
      (
        await cloud.request(
          'DELETE',
          at(widget.replace('/w', '/W').toUpperCase().replace('SUBSCRIPTIONS', 'subscriptions')),
        )
      ).status,
    ).toBe(409)
    await drop(widget)
  })

  it('is listed at, above and below a scope, and at and above it with atScope()', async () => {
    await put(subscriptionPath, 'CanNotDelete', 'above')
    await put(group, 'CanNotDelete', 'here')
    await put(widget, 'CanNotDelete', 'below')
    const names = async (scope: string, filter = '') => {
      const path = `${scope}/providers/Microsoft.Authorization/locks?api-version=2016-09-01${filter}`
      const { json } = await cloud.request('GET', path)
      return [...(json.value ?? [])].map((each) => each.name).toSorted()
    }
    expect(await names(group)).toEqual(['above', 'below', 'here'])
    expect(await names(group, '&$filter=atScope()')).toEqual(['above', 'here'])
    expect(await names(widget, '&$filter=atScope()')).toEqual(['above', 'below', 'here'])
    expect(await names(subscriptionPath)).toEqual(['above', 'below', 'here'])
    for (const [scope, name] of [
      [subscriptionPath, 'above'],
      [group, 'here'],
      [widget, 'below'],
    ] as const) {
      await drop(scope, name)
    }
  })

  it('is set by who may write locks only', async () => {
    const contributor = await cloud.client([{ role: roles.contributor, scope: group }])
    const refused = await cloud.request('PUT', lock(group), {
      as: contributor,
      body: { properties: { level: 'CanNotDelete' } },
    })
    expect(refused.json.error?.message).toContain("'Microsoft.Authorization/locks/write'")
  })

  it('needs a level, a name and a scope that is there', async () => {
    const bad = await cloud.request('PUT', lock(group), { body: { properties: { level: 'Never' } } })
    expect([bad.status, bad.json.error?.code]).toEqual([400, 'InvalidRequestContent'])
    const named = await cloud.request('PUT', lock(group, 'a%3Ab'), { body: { properties: { level: 'ReadOnly' } } })
    expect(named.json.error?.code).toBe('InvalidLockName')
    const nowhere = await cloud.request('PUT', lock(`${subscriptionPath}/resourceGroups/none`), {
      body: { properties: { level: 'ReadOnly' } },
    })
    expect(nowhere.json.error?.code).toBe('ResourceGroupNotFound')
    const noWidget = await cloud.request('PUT', lock(`${group}/providers/Microsoft.Test/widgets/none`), {
      body: { properties: { level: 'ReadOnly' } },
    })
    expect(noWidget.json.error?.code).toBe('ResourceNotFound')
    const filtered = await cloud.request(
      'GET',
      `${group}/providers/Microsoft.Authorization/locks?api-version=2016-09-01&$filter=name eq 'l'`,
    )
    expect(filtered.json.error?.code).toBe('InvalidFilterInQueryString')
  })
})
