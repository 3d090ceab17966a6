// An app that uses state and secrets by the Dapr SDK, over the protocol that it is told, and prints what came of each call.
import { CommunicationProtocolEnum, DaprClient } from '@dapr/dapr'

const { protocol, stateStore } = JSON.parse(process.argv[2])
const client = new DaprClient({ communicationProtocol: CommunicationProtocolEnum[protocol] })

async function outcome(work) {
  try {
    const value = await work()
    // Some calls answer their error instead of throwing it.
    if (value?.error) throw value.error
    return { value }
  } catch (error) {
    // A gRPC status has a number; over HTTP the SDK puts the sidecar's answer into the message.
    return { code: error.code, message: error.rawMessage ?? error.message }
  }
}

const { state, secret, metadata } = client
const order = { item: 'teapot', quantity: 1 }
const key = `order-${protocol}`

const outcomes = {
  save: await outcome(() => state.save(stateStore, [{ key, value: order }])),
  get: await outcome(() => state.get(stateStore, key)),
  getBulk: await outcome(() => state.getBulk(stateStore, [key, 'absent'])),
  getAbsent: await outcome(() => state.get(stateStore, 'absent')),
  saveWithOldEtag: await outcome(() =>
    state.save(stateStore, [{ key, value: 'other', etag: '"0x0"', options: { concurrency: 1 } }]),
  ),
  kept: await outcome(() => state.get(stateStore, key)),
  deleteOther: await outcome(async () => {
    await state.save(stateStore, [{ key: `${key}-passing`, value: 1 }])
    await state.delete(stateStore, `${key}-passing`)
    return await state.get(stateStore, `${key}-passing`)
  }),
  transaction: await outcome(async () => {
    await state.transaction('memory', [
      { operation: 'upsert', request: { key: 'a', value: 'first' } },
      { operation: 'upsert', request: { key: 'b', value: 'second' } },
      { operation: 'delete', request: { key: 'a' } },
    ])
    return [await state.get('memory', 'a'), await state.get('memory', 'b')]
  }),
  transactionOnBlobs: await outcome(() =>
    state.transaction(stateStore, [{ operation: 'upsert', request: { key: 'a', value: 'x' } }]),
  ),
  unknownStore: await outcome(() => state.get('nowhere', key)),

  secret: await outcome(() => secret.get('secretstore', 'greeting')),
  allowedSecret: await outcome(() => secret.get('secretstore', 'storage-account-name')),
  absentSecret: await outcome(() => secret.get('secretstore', 'absent')),
  bulk: await outcome(async () => Object.keys(await secret.getBulk('secretstore')).sort()),
  localFile: await outcome(() => secret.get('local', 'db:password')),
  localFileBulk: await outcome(() => secret.getBulk('local')),
  localAbsent: await outcome(() => secret.get('local', 'absent')),
  localEnv: await outcome(() => secret.get('environment', 'APP_SETTING')),
  unknownSecretStore: await outcome(() => secret.get('nowhere', 'greeting')),

  metadata: await outcome(async () => {
    const { id, components } = await metadata.get()
    return { id, components: components.map(({ name, type }) => `${name} ${type}`).sort() }
  }),
}
console.log(JSON.stringify(outcomes))
await client.stop()
