/**
 * An OpenID Connect provider over TLS on a loopback port: `node oidc-issuer.js KEY.pem CERTIFICATE.pem`. Prints its
 * issuer URL. Whoever asks with a client id gets a JWT access token whose subject is that id, for the resource named.
 */
import { generateKeyPairSync, randomUUID } from 'node:crypto'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { createServer } from 'node:https'
import { Provider } from 'oidc-provider'

const [keyFile = '', certificateFile = ''] = process.argv.slice(2)
const { privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 })
const server = createServer({ key: readFileSync(keyFile), cert: readFileSync(certificateFile) })
await once(server.listen(0, '127.0.0.1'), 'listening')
const issuer = `https://localhost:${server.address().port}`
const client = (name) => ({
  client_id: name,
  client_secret: 'build',
  grant_types: ['client_credentials'],
  redirect_uris: [],
  response_types: [],
})
const provider = new Provider(issuer, {
  clients: [client('build-main'), client('build-other')],
  jwks: { keys: [{ ...privateKey.export({ format: 'jwk' }), kid: randomUUID(), alg: 'RS256', use: 'sig' }] },
  features: {
    devInteractions: { enabled: false },
    clientCredentials: { enabled: true },
    resourceIndicators: {
      enabled: true,
      getResourceServerInfo: (_context, resource) => ({
        audience: resource,
        scope: '',
        accessTokenFormat: 'jwt',
        jwt: { sign: { alg: 'RS256' } },
      }),
    },
  },
})
server.on('request', provider.callback())
process.stdout.write(`${issuer}\n`)
