/** A caller of Microsoft Graph, for tests. */
import { createClient, type IdentityFixture, type Listening, requestToken } from './identity-fixture.ts'

export interface GraphClient {
  readonly appId: string
  readonly objectId: string
  call(
    method: string,
    path: string,
    body?: unknown,
  ): Promise<{ status: number; body: Record<string, unknown>; headers: Headers }>
}

/** A service principal with a token for Graph; `role` makes it Global Administrator. */
export async function graphClient(
  fixture: IdentityFixture,
  login: Listening,
  graph: Listening,
  options: { readonly administrator?: boolean } = {},
): Promise<GraphClient> {
  const client = await createClient(fixture.identity)
  if (options.administrator) await fixture.identity.directory.ensureGlobalAdministrator(client.objectId)
  const { body } = await requestToken(login.url, { ...client.form, scope: 'https://graph.microsoft.com/.default' })
  return { appId: client.appId, objectId: client.objectId, call: caller(graph, String(body.access_token)) }
}

export function caller(graph: Listening, token: string): GraphClient['call'] {
  return async (method, path, body) => {
    const response = await fetch(`${graph.url}/v1.0${path}`, {
      method,
      headers: {
        authorization: `Bearer ${token}`,
        ...(body === undefined ? {} : { 'content-type': 'application/json' }),
      },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    })
    const text = await response.text()
    return {
      status: response.status,
      body: text === '' ? {} : (JSON.parse(text) as Record<string, unknown>),
      headers: response.headers,
    }
  }
}
