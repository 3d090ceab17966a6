// An app that handles secrets by its sidecar and by its identity, and tells the test what it was answered.
import { randomUUID } from 'node:crypto'

const { DAPR_HTTP_PORT, IDENTITY_ENDPOINT, IDENTITY_HEADER } = process.env
const [clientId, vault, ...secretNames] = process.argv.slice(2)

async function ask(url, options) {
  const answer = await fetch(url, options)
  return { status: answer.status, text: await answer.text() }
}
const dapr = (path, options) => ask(`http://127.0.0.1:${DAPR_HTTP_PORT}/v1.0/${path}`, options)
const post = (text) => ({ method: 'POST', body: text, headers: { 'content-type': 'application/json' } })
const token = (header) => {
  const query = new URLSearchParams({
    resource: 'https://vault.azure.net',
    'api-version': '2019-08-01',
    client_id: clientId,
  })
  return ask(`${IDENTITY_ENDPOINT}?${query}`, { headers: { 'x-identity-header': header } })
}

const values = {}
for (const name of secretNames) values[name] = JSON.parse((await dapr(`secrets/secretstore/${name}`)).text)[name]
const note = values['written-by-app']
const header = IDENTITY_HEADER
const wrongHeader = randomUUID()
const { text } = await token(header)
console.log(
  JSON.stringify({
    values,
    token: JSON.parse(text).access_token,
    header,
    wrongHeader,
    // Everything from here on is an error, and must not repeat what it is about.
    refusals: [
      await token(wrongHeader),
      await dapr('secrets/secretstore/absent'),
      await dapr('secrets/inline/absent'),
      await dapr('state/statestore', post(JSON.stringify([{ key: 'kept', value: note }]).slice(0, -2))),
      await dapr('state/statestore', post(JSON.stringify([{ key: ['kept'], value: note }]))),
      await dapr('state/statestore', post(JSON.stringify([{ key: 'a||b', value: note }]))),
      await dapr('state/statestore', post(JSON.stringify([{ key: 'kept', value: note, etag: '"0x0"' }]))),
      await ask(`https://${vault}.vault.azure.net/secrets/${secretNames[0]}?api-version=7.5`, {
        headers: { authorization: `Bearer ${JSON.parse(text).access_token.slice(0, -20)}${'A'.repeat(20)}` },
      }),
    ],
    saved: await dapr('state/statestore', post(JSON.stringify([{ key: 'note', value: note }]))),
  }),
)
