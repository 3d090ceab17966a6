import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { Resource, ResourceStore } from '@keystead/resource-manager'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { RecordingPlatform } from '../testing/recording-platform.ts'
import { createLogStreamListener } from './log-stream.ts'
import { LogTokens } from './log-tokens.ts'

const appId = '/subscriptions/s/resourceGroups/rg/providers/Microsoft.App/containerApps/web'
const system = '/subscriptions/s/resourceGroups/RG/containerApps/web/eventstream'
const console = '/subscriptions/s/resourceGroups/rg/containerApps/web/revisions/r/replicas/p/containers/c/logstream'
const platform = new RecordingPlatform()
let now = 0
const tokens = new LogTokens(() => now)
let server: Server

beforeAll(async () => {
  platform.console.push({ time: 0, stream: 'stdout', text: 'a "line"' })
  platform.system.push({ time: 0, type: 'Warning', reason: 'ProbeFailed', message: 'no answer', count: 2 })
  const app: Resource = { id: appId, name: 'web', type: '', properties: {}, etag: '' }
  const resources = { get: async () => app } as unknown as ResourceStore
  server = createServer(createLogStreamListener({ platform, resources, tokens, log: () => {} }))
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
})
afterAll(() => server.close())

const get = (path: string, token: string) =>
  fetch(`http://127.0.0.1:${(server.address() as AddressInfo).port}${path}`, {
    headers: { authorization: `Bearer ${token}` },
  })

test('each entry is a line of JSON', async () => {
  const { token } = tokens.issue(appId)
  const lines = await (await get(`${console}?output=json&tailLines=20`, token)).text()
  expect(JSON.parse(lines)).toMatchObject({ TimeStamp: '1970-01-01T00:00:00.000Z', Log: 'a "line"' })
  expect(JSON.parse(await (await get(system, token)).text())).toMatchObject({
    ContainerAppName: 'web',
    Reason: 'ProbeFailed',
    Msg: 'no answer',
    Count: 2,
  })
  expect(await (await get(`${console}?output=text`, token)).text()).toBe('1970-01-01T00:00:00.000Z a "line"\n')
})

test('a token is for its app, as it was given, and for an hour', async () => {
  const { token, expires } = tokens.issue(appId)
  const other = tokens.issue(`${appId}2`).token
  const forged = `${other.split('.')[0]}.${token.split('.')[1]}`
  for (const bad of [other, forged, 'x', `${token}.x`]) expect((await get(system, bad)).status).toBe(401)
  now = expires
  expect((await get(system, token)).status).toBe(401)
  now = 0
})

test('what is no stream is not found, and too many lines are refused', async () => {
  const { token } = tokens.issue(appId)
  for (const path of [
    '/',
    `${system}/more`,
    '/subscriptions/%E0%A4%A/resourceGroups/rg/containerApps/web/eventstream',
  ]) {
    expect((await get(path, token)).status).toBe(404)
  }
  expect((await get(`${system}?tailLines=301`, token)).status).toBe(400)
})
