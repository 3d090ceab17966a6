import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { afterAll, describe, expect, it } from 'vitest'
import { startSidecar } from './testing/sidecar-process.ts'

const folder = mkdtempSync(join(tmpdir(), 'encryption-'))
const database = join(folder, 'state.db')
afterAll(() => rmSync(folder, { recursive: true }))

const keys = JSON.stringify({ old: 'aa'.repeat(32), new: 'bb'.repeat(32) })

/** A sidecar over the one database, with these keys. */
async function sidecar(fields: Readonly<Record<string, string>>) {
  const metadata = Object.entries(fields).map(
    ([name, key]) => `  - name: ${name}\n    secretKeyRef:\n      name: ${key}\n`,
  )
  const running = await startSidecar({
    resources: {
      'secrets.json': keys,
      'components.yaml': `apiVersion: dapr.io/v1alpha1
kind: Component
metadata:
  name: secrets
spec:
  type: secretstores.local.file
  version: v1
  metadata:
  - name: secretsFile
    value: '{folder}/secrets.json'
---
apiVersion: dapr.io/v1alpha1
kind: Component
metadata:
  name: store
spec:
  type: state.sqlite
  version: v1
  metadata:
  - name: connectionString
    value: '${database}'
${metadata.join('')}auth:
  secretStore: secrets
`,
    },
  })
  await running.line('dapr initialized. Status: Running.')
  const request = async (path: string, body?: unknown, version = 'v1.0') => {
    const init = body === undefined ? {} : { method: 'POST', body: JSON.stringify(body) }
    const response = await fetch(`${running.url}/${version}/state/store${path}`, init)
    return { status: response.status, text: await response.text() }
  }
  return { ...running, request }
}

function storedValue(key: string): string {
  const rows = new DatabaseSync(database, { readOnly: true }).prepare('SELECT key, value FROM state').all()
  const row = rows.find((found) => found.key === `app1||${key}`)
  return Buffer.from(String(row?.value), 'base64').toString()
}

describe('an encrypted state store', () => {
  it('keeps nothing in the clear, and gives values back as they were', async () => {
    const { request, stop, line } = await sidecar({ primaryEncryptionKey: 'old' })
    await line('Automatic encryption enabled for state store store')
    const order = { id: 1, note: 'grüße' }
    expect(
      await request('', [
        { key: 'order', value: order },
        { key: 'word', value: 'hello' },
      ]),
    ).toMatchObject({ status: 204 })
    const upsert = { operation: 'upsert', request: { key: 'inTransaction', value: [1] } }
    expect(await request('/transaction', { operations: [upsert] })).toMatchObject({ status: 204 })
    expect(await request('/order')).toEqual({ status: 200, text: JSON.stringify(order) })
    expect(await request('/word')).toEqual({ status: 200, text: 'hello' })
    expect(await request('/inTransaction')).toEqual({ status: 200, text: '[1]' })
    expect(await request('/absent')).toEqual({ status: 204, text: '' })
    for (const key of ['order', 'word', 'inTransaction']) expect(storedValue(key)).toMatch(/^[A-Za-z0-9+/=]+\|\|old$/)
    expect((await request('/query', {}, 'v1.0-alpha1')).status).toBe(500)
    await stop()
  })

  it('reads old values after its key was rotated, and writes with the new one', async () => {
    const { request, stop } = await sidecar({ primaryEncryptionKey: 'new', secondaryEncryptionKey: 'old' })
    expect(await request('/word')).toEqual({ status: 200, text: 'hello' })
    await request('', [
      { key: 'word', value: 'again' },
      { key: 'count', value: 2 },
    ])
    expect(storedValue('word')).toMatch(/\|\|new$/)
    expect(await request('/word')).toEqual({ status: 200, text: 'again' })
    await stop()
  })

  it('says which key it misses once the old one is gone, item by item', async () => {
    const { request, stop } = await sidecar({ primaryEncryptionKey: 'new' })
    const { status, text } = await request('/order')
    expect(status).toBe(500)
    expect(JSON.parse(text)).toMatchObject({
      errorCode: 'ERR_STATE_GET',
      message: expect.stringContaining('the component has no encryption key of the name old'),
    })
    const bulk = await request('/bulk', { keys: ['count', 'order'] })
    expect(JSON.parse(bulk.text)).toEqual([
      { key: 'count', data: 2, etag: expect.any(String) },
      { key: 'order', error: expect.stringContaining('no encryption key of the name old') },
    ])
    await stop()
  })

  it('does not load without its key, and so writes nothing in the clear', async () => {
    await expect(sidecar({ primaryEncryptionKey: 'absent' })).rejects.toThrow(/encryption key cannot be empty/)
  })
})
