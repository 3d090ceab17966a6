// The seed's code, once a second: it says what came of each try, as the error that a developer sees or the status.
import { randomUUID as uuid } from 'node:crypto'
import { setInterval } from 'node:timers/promises'

// On a shared machine 3500 can be another app's sidecar: the test names a port that is nobody's.
const daprPort = process.env.DAPR_HTTP_PORT ?? process.env.UNUSED_PORT ?? 3500
const stateStoreName = process.env.STATE_STORE_NAME ?? 'statestore'
const stateUrl = `http://localhost:${daprPort}/v1.0/state/${stateStoreName}`

async function save(data) {
  const key = uuid()
  const state = [{ key, value: data }]
  const response = await fetch(stateUrl, {
    method: 'POST',
    body: JSON.stringify(state),
    headers: {
      'Content-Type': 'application/json',
    },
  })
  return `saved ${key}: ${response.status} ${await response.text()}`
}

let last
for await (const _ of setInterval(1000)) {
  const outcome = await save({ order: 1 }).catch((error) => `failed: ${error.cause?.code}`)
  const kind = outcome.replace(/^saved \S+/, 'saved')
  if (kind !== last) console.log(outcome)
  last = kind
}
