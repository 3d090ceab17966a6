// An application that stores orders and holds no credential: it knows one local address, its sidecar's.
import { randomUUID } from 'node:crypto'
import { createServer } from 'node:http'
import { json } from 'node:stream/consumers'

const daprPort = process.env.DAPR_HTTP_PORT ?? '3500'
const stateStoreName = 'statestore'
const stateUrl = `http://localhost:${daprPort}/v1.0/state/${stateStoreName}`

const server = createServer(async (request, response) => {
  try {
    if (request.method !== 'POST' || request.url !== '/orders') return reply(response, 404, { error: 'not found' })
    const data = await json(request)
    const state = [{ key: randomUUID(), value: data }]
    const saved = await fetch(stateUrl, {
      method: 'POST',
      body: JSON.stringify(state),
      headers: { 'Content-Type': 'application/json' },
    })
    if (!saved.ok) return reply(response, 502, await saved.json())
    reply(response, 201, { id: state[0].key })
  } catch (error) {
    reply(response, 500, { error: error.cause?.code ?? error.message })
  }
})

function reply(response, status, body) {
  response.writeHead(status, { 'Content-Type': 'application/json' }).end(JSON.stringify(body))
}

server.listen(Number(process.env.APP_PORT ?? 0), '127.0.0.1', () => {
  console.log(`orders listens on ${server.address().port}`)
})
process.once('SIGTERM', () => server.close())
