/** A token request as it arrives: a form (RFC 6749), perhaps with client credentials in HTTP Basic. */
import { z } from 'zod'
import { aadErrors } from './aadsts.ts'

const parameter = z.string().optional()

/** The parameters that are read; others (`claims`, telemetry of msal) are let be. */
const requestSchema = z.object({
  grant_type: parameter,
  client_id: parameter,
  client_secret: parameter,
  client_assertion: parameter,
  client_assertion_type: parameter,
  scope: parameter,
  resource: parameter,
  code: parameter,
  redirect_uri: parameter,
  code_verifier: parameter,
  refresh_token: parameter,
  device_code: parameter,
  username: parameter,
  password: parameter,
  client_info: parameter,
})

export type TokenRequest = z.infer<typeof requestSchema>

/** Parses a form body; empty values count as absent (RFC 6749 section 3.2). Throws {@link AadError}. */
export function parseTokenRequest(body: string, authorization: string | undefined): TokenRequest {
  const parameters = new Map<string, string>()
  for (const [name, value] of new URLSearchParams(body)) {
    if (parameters.has(name)) throw aadErrors.duplicateParameter(name)
    parameters.set(name, value)
  }
  const present = [...parameters].filter(([, value]) => value !== '')
  const request = requestSchema.parse(Object.fromEntries(present))
  if (request.client_secret !== undefined || request.client_assertion !== undefined) return request
  const basic = basicCredentials(authorization)
  if (!basic) return request
  if (request.client_id !== undefined && request.client_id !== basic.clientId) throw aadErrors.malformedRequest()
  return { ...request, client_id: basic.clientId, client_secret: basic.clientSecret }
}

/** RFC 6749 section 2.3.1: id and secret are form-encoded before they are joined. */
function basicCredentials(authorization: string | undefined): { clientId: string; clientSecret: string } | undefined {
  const encoded = /^Basic +([A-Za-z0-9+/=]*)$/i.exec(authorization ?? '')?.[1]
  if (encoded === undefined) return undefined
  const text = Buffer.from(encoded, 'base64').toString('utf8')
  const colon = text.indexOf(':')
  if (colon < 0) throw aadErrors.malformedRequest()
  return { clientId: formDecoded(text.slice(0, colon)), clientSecret: formDecoded(text.slice(colon + 1)) }
}

function formDecoded(text: string): string {
  try {
    return decodeURIComponent(text.replaceAll('+', ' '))
  } catch (error) {
    if (error instanceof URIError) throw aadErrors.malformedRequest()
    throw error
  }
}
