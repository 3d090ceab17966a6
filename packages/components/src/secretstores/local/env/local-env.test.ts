import { describe, expect, it } from 'vitest'
import { testContext } from '../../../testing/context.ts'
import { factory } from './local-env.ts'

const signal = new AbortController().signal
const environment = { A: '1', DAPR_API_TOKEN: 'hidden', dapr_x: 'hidden', APP_API_TOKEN: 'hidden', MY_A: '2', MY_: '3' }

async function open(metadata: Readonly<Record<string, string>> = {}) {
  const { context, lines } = testContext({ environment, metadata })
  return { store: await factory.init(context), lines }
}

describe('the environment', () => {
  it.each(['DAPR_API_TOKEN', 'dapr_x', 'APP_API_TOKEN', 'app_api_token'])(
    "keeps the sidecar's own %s to itself",
    async (name) => {
      const { store, lines } = await open()
      expect(await store.getSecret(name, {}, signal)).toEqual({ [name]: '' })
      expect(lines).toEqual([`warn Access to env var ${name} is forbidden`])
    },
  )

  it('keeps them to itself when a prefix makes up the name', async () => {
    const { store } = await open({ prefix: 'DAPR_' })
    expect(await store.getSecret('API_TOKEN', {}, signal)).toEqual({ API_TOKEN: '' })
    expect(await store.bulkGetSecret({}, signal)).toEqual({})
  })

  it('gives all the rest in bulk', async () => {
    const { store } = await open()
    expect(await store.bulkGetSecret({}, signal)).toEqual({ A: { A: '1' }, MY_A: { MY_A: '2' }, MY_: { MY_: '3' } })
  })

  it('is looked at under a prefix only, whose own name is no secret', async () => {
    const { store } = await open({ prefix: 'MY_' })
    expect(await store.bulkGetSecret({}, signal)).toEqual({ A: { A: '2' } })
  })

  it('has an empty value for what is not set, and for the names of objects', async () => {
    const { store } = await open()
    expect(await store.getSecret('NOPE', {}, signal)).toEqual({ NOPE: '' })
    expect(await store.getSecret('constructor', {}, signal)).toEqual({ constructor: '' })
  })
})
