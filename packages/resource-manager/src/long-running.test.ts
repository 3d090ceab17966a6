import { cp, mkdtemp } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { ResourceManagementClient } from '@azure/arm-resources'
import { afterEach, describe, expect, it } from 'vitest'
import { roles, startCloud, subscriptionId, subscriptionPath, type TestCloud } from './testing/cloud.ts'
import { createWidgets } from './testing/widgets.ts'

const group = `${subscriptionPath}/resourceGroups/rg`
const widget = `${group}/providers/Microsoft.Test/widgets/w1`
const v = '?api-version=2024-01-01'
const gv = '?api-version=2021-04-01'
const running: TestCloud[] = []

afterEach(async () => {
  for (const cloud of running.splice(0)) await cloud.stop()
})

async function cloudWith(widgets = createWidgets(), directory?: string): Promise<TestCloud> {
  const cloud = await startCloud({ providers: [widgets.provider], ...(directory !== undefined && { directory }) })
  running.push(cloud)
  if (directory === undefined) {
    await cloud.request('PUT', `${group}${gv}`, { body: { location: 'westeurope' } })
    await cloud.request('PUT', `${widget}${v}`, { body: { location: 'westeurope' } })
  }
  return cloud
}

const relative = (cloud: TestCloud, url: string | null) => (url ?? '').replace(cloud.endpoint, '')

describe('a long-running operation', () => {
  it('is answered with its urls, which tell when it has ended and how', async () => {
    const widgets = createWidgets()
    const gate = Promise.withResolvers<void>()
    widgets.gate = gate.promise
    const cloud = await cloudWith(widgets)
    const begun = await cloud.request('POST', `${widget}/grind${v}`, { body: { fine: true } })
    expect(begun.status).toBe(202)
    expect(begun.headers.get('retry-after')).toBe('1')
    const status = relative(cloud, begun.headers.get('azure-asyncoperation'))
    const result = relative(cloud, begun.headers.get('location'))
    expect(status).toMatch(
      new RegExp(`^${subscriptionPath}/providers/Microsoft.Test/locations/global/operationStatuses/[0-9a-f-]{36}\\?`),
    )
    expect((await cloud.request('GET', status)).json).toMatchObject({ status: 'InProgress' })
    expect((await cloud.request('GET', result)).status).toBe(202)
    gate.resolve()
    await cloud.manager.close()
    const ended = await cloud.request('GET', status)
    expect(ended.json).toMatchObject({ status: 'Succeeded', properties: { ground: { input: { fine: true } } } })
    expect((await cloud.request('GET', result)).json).toEqual({ ground: { path: widget, input: { fine: true } } })
  })

  it('that fails says why', async () => {
    const widgets = createWidgets()
    const cloud = await cloudWith(widgets)
    const gate = Promise.withResolvers<void>()
    widgets.gate = gate.promise
    const begun = await cloud.request('POST', `${widget}/grind${v}`)
    gate.reject(new Error('the mill at /srv/mill broke'))
    await cloud.manager.close()
    const { json } = await cloud.request('GET', relative(cloud, begun.headers.get('azure-asyncoperation')))
    expect(json).toMatchObject({ status: 'Failed', error: { code: 'InternalServerError' } })
    expect(JSON.stringify(json)).not.toContain('/srv/mill')
    expect((await cloud.request('GET', relative(cloud, begun.headers.get('location')))).status).toBe(500)
  })

  it('is shown to who began it and to who can read its resource, to nobody else', async () => {
    const cloud = await cloudWith()
    const begun = await cloud.request('POST', `${widget}/grind${v}`)
    const status = relative(cloud, begun.headers.get('azure-asyncoperation'))
    expect((await cloud.request('GET', status, { as: await cloud.client() })).status).toBe(404)
    const reader = await cloud.client([{ role: roles.reader, scope: widget }])
    expect((await cloud.request('GET', status, { as: reader })).status).toBe(200)
  })

  it('begins again after a restart in its middle', async () => {
    const widgets = createWidgets()
    const gate = Promise.withResolvers<void>()
    widgets.gate = gate.promise
    const first = await cloudWith(widgets)
    const begun = await first.request('POST', `${widget}/grind${v}`)
    const status = relative(first, begun.headers.get('azure-asyncoperation'))
    expect(widgets.ground).toBe(1)

    // What a crash would leave: the files as they are while the job still runs.
    const left = await mkdtemp(join(tmpdir(), 'keystead-arm-'))
    await cp(first.path, left, { recursive: true })
    gate.resolve()

    const again = createWidgets()
    const second = await cloudWith(again, left)
    await second.manager.resume()
    await second.manager.close()
    expect(again.ground).toBe(1)
    expect((await second.request('GET', status, { as: first.owner })).json).toMatchObject({ status: 'Succeeded' })
  })
})

describe('the deletion of a group', () => {
  it('deletes what it holds, children first, and the assignments in it', async () => {
    const widgets = createWidgets()
    const cloud = await cloudWith(widgets)
    await cloud.request('PUT', `${widget}/parts/p1${v}`)
    const reader = await cloud.client([{ role: roles.reader, scope: widget }])
    const client = new ResourceManagementClient(cloud.owner.credential, subscriptionId, {
      httpClient: cloud.httpClient,
    })
    await client.resourceGroups.delete('rg')
    expect(widgets.deleted).toEqual([`${widget}/parts/p1`, widget])
    expect((await cloud.request('GET', `${group}${gv}`)).status).toBe(404)
    expect([...cloud.authorizer.assignments({ principalId: reader.objectId })]).toEqual([])
    await client.resourceGroups.createOrUpdate('rg', { location: 'eastus' })
    expect((await cloud.request('GET', `${widget}${v}`)).status).toBe(404)
  })

  it('is asked for once, answers writes with a conflict while it lasts, and can be repeated when it failed', async () => {
    const widgets = createWidgets()
    const gate = Promise.withResolvers<void>()
    const type = widgets.provider.types[0]
    const provider = {
      ...widgets.provider,
      types: type === undefined ? [] : [{ ...type, onDelete: () => gate.promise }],
    }
    const cloud = await startCloud({ providers: [provider] })
    running.push(cloud)
    await cloud.request('PUT', `${group}${gv}`, { body: { location: 'westeurope' } })
    await cloud.request('PUT', `${widget}${v}`, { body: { location: 'westeurope' } })
    const begun = await cloud.request('DELETE', `${group}${gv}`)
    expect(begun.status).toBe(202)
    const location = relative(cloud, begun.headers.get('location'))
    expect(location).toContain('/operationresults/')
    await expect
      .poll(async () => (await cloud.request('GET', `${group}${gv}`)).json.properties?.provisioningState)
      .toBe('Deleting')
    const put = (path: string) => cloud.request('PUT', path, { body: { location: 'westeurope' } })
    expect((await put(`${group}${gv}`)).json.error?.code).toBe('ResourceGroupBeingDeleted')
    expect((await put(`${widget}${v}`)).json.error?.code).toBe('ResourceGroupBeingDeleted')
    const twice = await cloud.request('DELETE', `${group}${gv}`)
    expect(relative(cloud, twice.headers.get('location'))).toBe(location)
    gate.reject(new Error('it would not go'))
    await cloud.manager.close()
    expect((await cloud.request('GET', location)).status).toBe(500)
    expect((await cloud.request('GET', `${group}${gv}`)).json).toMatchObject({
      properties: { provisioningState: 'Succeeded' },
    })
    expect((await put(`${widget}${v}`)).status).toBe(200)
  })

  it('leaves nothing of the writes that race with it', async () => {
    const cloud = await cloudWith()
    const put = (i: number) =>
      cloud.request('PUT', `${group}/providers/Microsoft.Test/widgets/race-${i % 20}${v}`, {
        body: { location: 'westeurope' },
      })
    const early = Array.from({ length: 40 }, (_, i) => put(i))
    const deletion = cloud.request('DELETE', `${group}${gv}`)
    const late = Array.from({ length: 40 }, (_, i) => put(i))
    const statuses = (await Promise.all([...early, ...late])).map((answer) => answer.status)
    expect((await deletion).status).toBe(202)
    await cloud.manager.close()
    expect(await cloud.manager.resources.list({ below: group })).toEqual([])
    expect(statuses.filter((status) => ![200, 201, 404, 409].includes(status))).toEqual([])
  })

  it('needs the delete action on the group', async () => {
    const cloud = await cloudWith()
    const reader = await cloud.client([{ role: roles.reader, scope: subscriptionPath }])
    expect((await cloud.request('DELETE', `${group}${gv}`, { as: reader })).json.error?.code).toBe(
      'AuthorizationFailed',
    )
    expect((await cloud.request('GET', `${group}${gv}`)).status).toBe(200)
  })
})
