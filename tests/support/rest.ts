/** Microsoft Graph and Resource Manager by plain requests with the owner's tokens, for what a test has to set up quickly. */
import { randomUUID } from 'node:crypto'
import type { TestCloud } from './cloud.ts'
import { Gateway } from './gateway.ts'

/** A loose view of an answer. */
export type Answer = Readonly<Record<string, unknown>>

export class Rest {
  readonly #gateway: Gateway
  readonly #subscription: string
  readonly #tokens: ReadonlyMap<string, string>

  private constructor(gateway: Gateway, subscription: string, tokens: ReadonlyMap<string, string>) {
    this.#gateway = gateway
    this.#subscription = subscription
    this.#tokens = tokens
  }

  static async asOwner(cloud: TestCloud): Promise<Rest> {
    const gateway = await Gateway.of(cloud.environment)
    const tokens = new Map<string, string>()
    for (const host of ['graph.microsoft.com', 'management.azure.com']) {
      tokens.set(host, await gateway.ownerToken(`https://${host}`))
    }
    return new Rest(gateway, `/subscriptions/${cloud.environment.AZURE_SUBSCRIPTION_ID}`, tokens)
  }

  /** `graph('POST', '/users', body)`. Throws when it is refused. */
  graph(method: string, path: string, body?: unknown): Promise<Answer> {
    return this.#send('graph.microsoft.com', method, `/v1.0${path}`, body)
  }

  /** A path without its api-version; a name that is taken gets what it is given. Throws when it is refused. */
  arm(method: string, path: string, apiVersion: string, body?: unknown): Promise<Answer> {
    return this.#send('management.azure.com', method, `${path}?api-version=${apiVersion}`, body)
  }

  /** A user who may sign in with this password. Answers the object id. */
  async user(name: string, password: string, more: Answer = {}): Promise<string> {
    const { id } = await this.graph('POST', '/users', {
      accountEnabled: true,
      displayName: name,
      mailNickname: name,
      userPrincipalName: `${name}@contoso.example`,
      passwordProfile: { password, forceChangePasswordNextSignIn: false },
      ...more,
    })
    return String(id)
  }

  /** An application with a service principal. */
  async application(displayName: string): Promise<{ id: string; appId: string; objectId: string }> {
    const { id, appId } = await this.graph('POST', '/applications', { displayName })
    const principal = await this.graph('POST', '/servicePrincipals', { appId })
    return { id: String(id), appId: String(appId), objectId: String(principal.id) }
  }

  /** Gives a built-in role by its guid, at the subscription or below it. */
  async assign(role: string, principalId: string, principalType: string, below = ''): Promise<void> {
    const path = `${this.#subscription}${below}/providers/Microsoft.Authorization/roleAssignments/${randomUUID()}`
    const roleDefinitionId = `${this.#subscription}/providers/Microsoft.Authorization/roleDefinitions/${role}`
    await this.arm('PUT', path, '2022-04-01', { properties: { roleDefinitionId, principalId, principalType } })
  }

  async #send(host: string, method: string, path: string, body: unknown): Promise<Answer> {
    const { status, json, text } = await this.#gateway.send({
      host,
      method,
      path,
      headers: { authorization: `Bearer ${this.#tokens.get(host)}`, 'content-type': 'application/json' },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    })
    if (status >= 300) throw new Error(`${method} ${path} was answered by ${status}: ${text}`)
    return json as Answer
  }
}
