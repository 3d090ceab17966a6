/** The HTTPEndpoint resource: a service outside that is called like an app. */

import { isJsonObject } from '../gojson/decode.ts'
import type { HttpTarget } from '../invocation/http-app-channel.ts'

export interface HttpEndpoint extends HttpTarget {
  readonly name: string
}

/** A value as it stands, or one that a secret store has. */
export interface EndpointValue {
  readonly value: string
  readonly secretKeyRef: { readonly name: string; readonly key: string } | undefined
}

export interface HttpEndpointDeclaration {
  readonly name: string
  readonly namespace: string
  readonly scopes: readonly string[]
  readonly secretStore: string
  readonly baseUrl: string
  readonly headers: readonly (readonly [string, EndpointValue])[]
  readonly rootCa: EndpointValue | undefined
  readonly certificate: EndpointValue | undefined
  readonly privateKey: EndpointValue | undefined
}

type Fields = Readonly<Record<string, unknown>>

export function readHttpEndpoint(document: unknown): HttpEndpointDeclaration {
  const top = fields(document)
  const metadata = fields(top['metadata'])
  const spec = fields(top['spec'])
  const tls = fields(spec['clientTLS'])
  const scopes = top['scopes']
  const headers = Array.isArray(spec['headers']) ? spec['headers'] : []
  return {
    name: text(metadata['name']),
    namespace: text(metadata['namespace']),
    scopes: Array.isArray(scopes) ? scopes.map(text) : [],
    secretStore: text(fields(top['auth'])['secretStore']),
    baseUrl: text(spec['baseUrl']).replace(/\/$/, ''),
    headers: headers.map((header) => [text(fields(header)['name']), readValue(header)] as const),
    rootCa: optional(tls['rootCA']),
    certificate: optional(tls['certificate']),
    privateKey: optional(tls['privateKey']),
  }
}

function optional(value: unknown): EndpointValue | undefined {
  return isJsonObject(value) ? readValue(value) : undefined
}

function readValue(value: unknown): EndpointValue {
  const given = fields(value)
  const ref = fields(given['secretKeyRef'])
  const name = text(ref['name'])
  return { value: text(given['value']), secretKeyRef: name === '' ? undefined : { name, key: text(ref['key']) } }
}

function fields(value: unknown): Fields {
  return isJsonObject(value) ? value : {}
}

function text(value: unknown): string {
  return value === undefined || value === null ? '' : String(value)
}
