// An app that reads one secret and writes one order by the Dapr SDK, and knows nothing of where either is kept.
import { CommunicationProtocolEnum, DaprClient } from '@dapr/dapr'

const client = new DaprClient({ communicationProtocol: CommunicationProtocolEnum[process.argv[2]] })
const { db } = await client.secret.get('secrets', 'db')
await client.state.save('orders', [{ key: 'one', value: { item: 'teapot' } }])
const order = await client.state.get('orders', 'one')
console.log(JSON.stringify({ db, order }))
await client.stop()
