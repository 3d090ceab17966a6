/** Another organisation's OpenID Connect issuer, as a CI service has one: a process of its own with a certificate of its own. */
import { execFile } from 'node:child_process'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { request } from 'node:https'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { json } from 'node:stream/consumers'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { Started } from './started.ts'

const program = fileURLToPath(new URL('oidc-issuer.js', import.meta.url))

export class OidcIssuer implements AsyncDisposable {
  readonly url: string
  /** What a client has to trust to reach it. */
  readonly certificatePath: string
  readonly #process: Started
  readonly #directory: string

  private constructor(url: string, directory: string, process: Started) {
    this.url = url
    this.certificatePath = join(directory, 'certificate.pem')
    this.#directory = directory
    this.#process = process
  }

  static async start(): Promise<OidcIssuer> {
    const directory = await mkdtemp(join(tmpdir(), 'keystead-issuer-'))
    const [key, certificate] = [join(directory, 'key.pem'), join(directory, 'certificate.pem')]
    await promisify(execFile)('openssl', [
      ...['req', '-x509', '-newkey', 'rsa:2048', '-nodes', '-days', '1', '-subj', '/CN=localhost'],
      ...['-addext', 'subjectAltName=DNS:localhost', '-keyout', key, '-out', certificate],
    ])
    const started = new Started(process.execPath, [program, key, certificate])
    const [url] = await started.until(/https:\/\/localhost:\d+/)
    return new OidcIssuer(url, directory, started)
  }

  /** A token whose subject is `build-main` or `build-other`. */
  async token(subject: 'build-main' | 'build-other', audience = 'api://AzureADTokenExchange'): Promise<string> {
    const ca = await readFile(this.certificatePath)
    const body = new URLSearchParams({ grant_type: 'client_credentials', resource: audience }).toString()
    const answer = await new Promise<unknown>((resolve, reject) => {
      const outgoing = request(
        `${this.url}/token`,
        {
          ca,
          agent: false,
          method: 'POST',
          auth: `${subject}:build`,
          headers: { 'content-type': 'application/x-www-form-urlencoded' },
        },
        (response) => json(response).then(resolve, reject),
      )
      outgoing.on('error', reject)
      outgoing.end(body)
    })
    const { access_token: token } = answer as { access_token?: string }
    if (token === undefined) throw new Error(`The issuer gave no token: ${JSON.stringify(answer)}`)
    return token
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#process[Symbol.asyncDispose]()
    await rm(this.#directory, { recursive: true, force: true })
  }
}
