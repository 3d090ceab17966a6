/** Requests to the gateway byte by byte, for what no client would send: odd paths, broken bodies, half a request. */
import { readFile } from 'node:fs/promises'
import { connect, type TLSSocket } from 'node:tls'
import type { CloudEnvironment } from './cloud.ts'

export interface RawRequest {
  readonly host: string
  readonly method?: string
  /** As it stands in the request line. */
  readonly path: string
  readonly headers?: Readonly<Record<string, string>>
  readonly body?: string | Uint8Array
}

export interface RawAnswer {
  readonly status: number
  /** Names in lower case. */
  readonly headers: Readonly<Record<string, string>>
  readonly text: string
  /** Undefined when the body is no JSON. */
  readonly json: unknown
}

export class Gateway {
  readonly port: number
  readonly #ca: string
  readonly #environment: CloudEnvironment
  #graphToken: Promise<string> | undefined

  private constructor(environment: CloudEnvironment, ca: string) {
    this.#environment = environment
    this.#ca = ca
    this.port = Number(new URL(environment.HTTPS_PROXY ?? '').port)
  }

  static async of(environment: CloudEnvironment): Promise<Gateway> {
    return new Gateway(environment, await readFile(environment.NODE_EXTRA_CA_CERTS ?? '', 'utf8'))
  }

  /** A TLS connection on which the service of `host` answers. */
  async open(host: string): Promise<TLSSocket> {
    return await new Promise((resolve, reject) => {
      const socket = connect({ host: '127.0.0.1', port: this.port, servername: host, ca: this.#ca }, () =>
        resolve(socket),
      )
      socket.once('error', reject)
    })
  }

  /** One request on a connection of its own. Throws when the connection ends without an answer. */
  async send(request: RawRequest): Promise<RawAnswer> {
    const socket = await this.open(request.host)
    const chunks: Buffer[] = []
    const answered = new Promise<Buffer>((resolve, reject) => {
      socket.on('data', (chunk) => chunks.push(chunk))
      // A server that has refused may close before it has read all: what it said by then counts.
      socket.once('close', () => (chunks.length > 0 ? resolve(Buffer.concat(chunks)) : reject(new Error('No answer.'))))
    })
    socket.on('error', () => {})
    socket.write(head(request))
    socket.write(request.body ?? '')
    try {
      return parseAnswer(await answered)
    } finally {
      socket.destroy()
    }
  }

  /** A token of the owner for `resource`. */
  async ownerToken(resource: string): Promise<string> {
    const { AZURE_TENANT_ID, AZURE_CLIENT_ID, AZURE_CLIENT_SECRET } = this.#environment
    const { json } = await this.send({
      host: 'login.microsoftonline.com',
      method: 'POST',
      path: `/${AZURE_TENANT_ID}/oauth2/v2.0/token`,
      headers: { 'content-type': 'application/x-www-form-urlencoded' },
      body: new URLSearchParams({
        grant_type: 'client_credentials',
        client_id: AZURE_CLIENT_ID,
        client_secret: AZURE_CLIENT_SECRET,
        scope: `${resource}/.default`,
      }).toString(),
    })
    return (json as { access_token: string }).access_token
  }

  /** Microsoft Graph, as the owner. Answers the document; throws when it is refused. */
  async graph(method: string, path: string, body: unknown): Promise<Readonly<Record<string, string>>> {
    this.#graphToken ??= this.ownerToken('https://graph.microsoft.com')
    const { status, text, json } = await this.send({
      host: 'graph.microsoft.com',
      method,
      path: `/v1.0/${path}`,
      headers: { authorization: `Bearer ${await this.#graphToken}`, 'content-type': 'application/json' },
      body: JSON.stringify(body),
    })
    if (status >= 300) throw new Error(`Microsoft Graph answered ${status}: ${text}`)
    return json as Readonly<Record<string, string>>
  }

  /** Keystead's own API. */
  control(method: string, path: string, token: string, body?: unknown): Promise<RawAnswer> {
    return this.send({
      host: 'control.keystead.localhost',
      method,
      path,
      headers: {
        authorization: `Bearer ${token}`,
        ...(body === undefined ? {} : { 'content-type': 'application/json' }),
      },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    })
  }
}

/** The request up to its body. */
export function head({ host, method = 'GET', path, headers = {}, body }: RawRequest): string {
  const lines = Object.entries({ host, connection: 'close', ...headers })
  if (body !== undefined && headers['content-length'] === undefined && headers['transfer-encoding'] === undefined) {
    lines.push(['content-length', String(Buffer.byteLength(body))])
  }
  return `${method} ${path} HTTP/1.1\r\n${lines.map(([name, value]) => `${name}: ${value}\r\n`).join('')}\r\n`
}

function parseAnswer(bytes: Buffer): RawAnswer {
  const end = bytes.indexOf('\r\n\r\n')
  const [statusLine = '', ...lines] = bytes.subarray(0, end).toString('latin1').split('\r\n')
  const headers = Object.fromEntries(
    lines.map((line) => [line.slice(0, line.indexOf(':')).toLowerCase(), line.slice(line.indexOf(':') + 1).trim()]),
  )
  const raw = bytes.subarray(end + 4)
  const text = (headers['transfer-encoding'] === 'chunked' ? unchunked(raw) : raw).toString('utf8')
  let json: unknown
  try {
    json = JSON.parse(text)
  } catch {
    json = undefined
  }
  return { status: Number(statusLine.split(' ')[1]), headers, text, json }
}

function unchunked(bytes: Buffer): Buffer {
  const parts: Buffer[] = []
  for (let at = 0; at < bytes.length; ) {
    const line = bytes.indexOf('\r\n', at)
    const size = Number.parseInt(bytes.subarray(at, line).toString('latin1'), 16)
    if (!size) break
    parts.push(bytes.subarray(line + 2, line + 2 + size))
    at = line + 2 + size + 2
  }
  return Buffer.concat(parts)
}
