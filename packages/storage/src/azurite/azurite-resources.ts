/** Containers and queues as Resource Manager asks for them: Azurite is where they are kept. */
import type { Service } from '../data-plane/wire-request.ts'
import { type ListedResource, parseListing } from '../data-plane/xml.ts'
import { AzuriteClient } from './azurite-client.ts'

/** Azurite answered with an error of its own. */
export class AzuriteError extends Error {
  override readonly name = 'AzuriteError'
  readonly status: number
  readonly code: string
  constructor(status: number, code: string) {
    super(`Azurite answered ${status} ${code}`)
    this.status = status
    this.code = code
  }
}

export class AzuriteResources {
  readonly #client: AzuriteClient
  readonly #service: Service

  constructor(client: AzuriteClient, service: Service) {
    this.#client = client
    this.#service = service
  }

  /** False when it was there already. */
  async create(
    account: string,
    name: string,
    metadata: Readonly<Record<string, string>>,
    publicAccess?: string,
  ): Promise<boolean> {
    const headers: [string, string][] = Object.entries(metadata).map(([key, value]) => [`x-ms-meta-${key}`, value])
    if (publicAccess !== undefined) headers.push(['x-ms-blob-public-access', publicAccess])
    const answer = await this.#ask('PUT', account, name, headers)
    // A queue that is there with the same metadata answers 204.
    if (answer.status === 201) return true
    if (answer.status === 204 || answer.status === 409) return false
    throw new AzuriteError(answer.status, answer.code)
  }

  async setMetadata(account: string, name: string, metadata: Readonly<Record<string, string>>): Promise<void> {
    const headers: [string, string][] = Object.entries(metadata).map(([key, value]) => [`x-ms-meta-${key}`, value])
    const answer = await this.#ask('PUT', account, name, headers, [['comp', 'metadata']])
    if (answer.status >= 300) throw new AzuriteError(answer.status, answer.code)
  }

  async get(account: string, name: string): Promise<ListedResource | undefined> {
    const answer = await this.#ask('GET', account, name, [], this.#service === 'queue' ? [['comp', 'metadata']] : [])
    if (answer.status === 404) return undefined
    if (answer.status >= 300) throw new AzuriteError(answer.status, answer.code)
    const { headers } = answer
    return {
      name,
      lastModified: headers['last-modified'] ?? '',
      etag: headers.etag ?? '',
      leaseStatus: headers['x-ms-lease-status'] ?? '',
      leaseState: headers['x-ms-lease-state'] ?? '',
      publicAccess: headers['x-ms-blob-public-access'] ?? '',
      metadata: answer.metadata,
    }
  }

  /** False when there was none. */
  async delete(account: string, name: string): Promise<boolean> {
    const answer = await this.#ask('DELETE', account, name, [])
    if (answer.status === 404) return false
    if (answer.status >= 300) throw new AzuriteError(answer.status, answer.code)
    return true
  }

  async list(
    account: string,
    options: { readonly marker?: string; readonly limit?: number; readonly prefix?: string } = {},
  ): Promise<{ resources: readonly ListedResource[]; marker: string }> {
    const query = new Map([
      ['comp', 'list'],
      ['include', 'metadata'],
    ])
    if (options.marker) query.set('marker', options.marker)
    if (options.limit) query.set('maxresults', String(options.limit))
    if (options.prefix) query.set('prefix', options.prefix)
    const answer = await this.#client.send({
      service: this.#service,
      account,
      method: 'GET',
      segments: [],
      query,
      headers: [],
      signed: true,
      repeatable: true,
    })
    const text = await AzuriteClient.text(answer)
    if (answer.statusCode !== 200) throw new AzuriteError(answer.statusCode ?? 500, 'ListFailed')
    return parseListing(text, this.#service === 'blob' ? 'Container' : 'Queue')
  }

  /** Removes everything the account holds in this service. */
  async clear(account: string): Promise<void> {
    for (;;) {
      const { resources } = await this.list(account, { limit: 500 })
      if (resources.length === 0) return
      for (const { name } of resources) await this.delete(account, name)
    }
  }

  async #ask(
    method: string,
    account: string,
    name: string,
    headers: readonly (readonly [string, string])[],
    query: readonly (readonly [string, string])[] = [],
  ) {
    const answer = await this.#client.send({
      service: this.#service,
      account,
      method,
      segments: [name],
      query: new Map([...(this.#service === 'blob' ? ([['restype', 'container']] as const) : []), ...query]),
      headers: method === 'PUT' ? [...headers, ['Content-Length', '0']] : headers,
      signed: true,
      repeatable: true,
    })
    await AzuriteClient.text(answer)
    const metadata: Record<string, string> = {}
    for (let i = 0; i + 1 < answer.rawHeaders.length; i += 2) {
      const header = answer.rawHeaders[i] ?? ''
      if (/^x-ms-meta-/i.test(header)) metadata[header.slice('x-ms-meta-'.length)] = answer.rawHeaders[i + 1] ?? ''
    }
    const single: Record<string, string | undefined> = {}
    for (const [header, value] of Object.entries(answer.headers)) if (typeof value === 'string') single[header] = value
    return {
      status: answer.statusCode ?? 500,
      code: single['x-ms-error-code'] ?? '',
      headers: single,
      metadata,
    }
  }
}
