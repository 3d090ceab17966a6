/** The path of a request, read as what it addresses: a type, the resource or collection of it, its scope. */
import { invalidRequestUri, invalidResourceName, noSuchPath } from './arm-errors.ts'
import type { Operation } from './operation.ts'
import { formatResourceId, maxNameLength, parseSegments, type ResourceId, scopeOf } from './resource-id.ts'

/** One reading of a path. A path can have two (`…/vaults/v/listKeys` is a collection, or a verb on `v`): the table decides. */
export interface Reading {
  readonly on: Operation['on']
  readonly namespace: string
  /** Without the namespace, e.g. `vaults/secrets`. */
  readonly type: string
  readonly verb?: string
  readonly id: ResourceId
  /** The resource, or the collection's parent: where the action must be held. */
  readonly path: string
}

export interface RequestPath {
  /** As ARM spells it, without a trailing slash: the part of links to this very path. */
  readonly text: string
  readonly subscriptionId?: string
  readonly resourceGroup?: string
  readonly readings: readonly [Reading, ...Reading[]]
}

/** Decodes and reads a request's path (without its query). Throws ArmError 400 or 404. */
export function parseRequestPath(rawPath: string, method: string): RequestPath {
  const segments = decode(rawPath)
  return readProviderPath(segments, method) ?? readSystemPath(segments, method)
}

function decode(rawPath: string): string[] {
  // SDKs join scopes that begin with a slash, and parent paths that are empty: ARM reads past a doubled or trailing slash.
  const raw = rawPath.split('/').filter((part) => part !== '')
  return raw.map((part) => {
    let segment: string
    try {
      segment = decodeURIComponent(part)
    } catch {
      throw invalidRequestUri('The request path is not valid percent-encoded UTF-8.')
    }
    if (segment.length > maxNameLength) {
      throw invalidResourceName(segment, `it is longer than ${maxNameLength} characters.`)
    }
    if (segment === '.' || segment === '..' || hasForbiddenCharacter(segment)) {
      throw invalidResourceName(printable(segment), 'it has characters that are not allowed in a path.')
    }
    return segment
  })
}

function hasForbiddenCharacter(segment: string): boolean {
  for (let i = 0; i < segment.length; i++) {
    const unit = segment.charCodeAt(i)
    if (unit < 0x20 || unit === 0x7f || unit === 0x2f || unit === 0x5c) return true
  }
  return false
}

function printable(segment: string): string {
  return Array.from(segment, (character) => (character < ' ' || character === '\u007f' ? '\ufffd' : character)).join('')
}

/** `/…/providers/NAMESPACE/type…`: a resource provider's. */
function readProviderPath(segments: readonly string[], method: string): RequestPath | undefined {
  const at = segments.findIndex((segment, index) => index % 2 === 0 && segment.toLowerCase() === 'providers')
  if (at < 0 || segments.length < at + 3) return undefined
  if (isProviderVerb(segments, at, method)) return undefined
  const id = parseSegments(segments)
  if (id?.namespace === undefined) return undefined
  const about = {
    text: formatResourceId(id),
    ...(id.subscriptionId !== undefined && { subscriptionId: id.subscriptionId }),
    ...(id.resourceGroup !== undefined && { resourceGroup: id.resourceGroup }),
  }
  const { namespace, types } = id
  if (id.names.length === types.length) {
    return { ...about, readings: [{ on: 'resource', namespace, type: types.join('/'), id, path: about.text }] }
  }

  const readings: Reading[] = []
  const inSubscription = id.subscriptionId !== undefined && id.resourceGroup === undefined && id.scope === undefined
  const parent = types.length === 1 ? scopeOf(id) : formatResourceId({ ...id, types: types.slice(0, -1) })
  const collection = { namespace, type: types.join('/'), id, path: parent === '' ? '/' : parent }
  if (method === 'POST' && types.length > 1) {
    readings.push({
      on: 'resource',
      namespace,
      type: types.slice(0, -1).join('/'),
      verb: types.at(-1) ?? '',
      id: { ...id, types: types.slice(0, -1) },
      path: parent,
    })
  }
  if (inSubscription) readings.push({ ...collection, on: 'subscription' })
  return { ...about, readings: [{ ...collection, on: 'collection' }, ...readings] }
}

/** `/subscriptions/S/providers/NAMESPACE/register` looks like a type of that namespace, and is not one. */
function isProviderVerb(segments: readonly string[], at: number, method: string): boolean {
  const last = segments[at + 2]?.toLowerCase()
  return method === 'POST' && segments.length === at + 3 && (last === 'register' || last === 'unregister')
}

/** Everything else belongs to Microsoft.Resources: types and names alternate from the root on. */
function readSystemPath(segments: readonly string[], method: string): RequestPath {
  if (segments.length === 0) throw noSuchPath('/')
  const types: string[] = []
  const names: string[] = []
  segments.forEach((segment, index) => {
    if (index % 2 === 1) names.push(segment)
    else types.push(segment.toLowerCase() === 'resourcegroups' ? 'resourceGroups' : segment)
  })
  const subscriptionId = types[0]?.toLowerCase() === 'subscriptions' ? names[0] : undefined
  const resourceGroup =
    subscriptionId !== undefined && types[1] === 'resourceGroups' && names[1] !== undefined ? names[1] : undefined
  const place = {
    ...(subscriptionId !== undefined && { subscriptionId }),
    ...(resourceGroup !== undefined && { resourceGroup }),
  }
  const join = (count: number) =>
    `/${types
      .slice(0, count)
      .flatMap((type, index) => [type, ...names.slice(index, index + 1)])
      .join('/')}`
  const namespace = 'Microsoft.Resources'
  const id: ResourceId = { ...place, types, names }
  const about = { text: join(types.length), ...place }
  if (names.length === types.length) {
    return { ...about, readings: [{ on: 'resource', namespace, type: types.join('/'), id, path: about.text }] }
  }
  const parent = join(types.length - 1)
  const collection: Reading = { on: 'collection', namespace, type: types.join('/'), id, path: parent }
  if (method !== 'POST') return { ...about, readings: [collection] }
  const target = types.slice(0, -1)
  const verb: Reading = {
    on: 'resource',
    namespace,
    type: target.join('/'),
    verb: types.at(-1) ?? '',
    id: { ...place, types: target, names },
    path: parent,
  }
  return { ...about, readings: [verb, collection] }
}
