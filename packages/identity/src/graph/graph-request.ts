/** A request to Microsoft Graph as it is on the wire: its path's segments with their keys, its OData options. */
import type { GraphAccess } from './access.ts'
import { graphErrors } from './graph-error.ts'

/** `applications(appId='…')`, or `applications/ID`. */
export interface ObjectKey {
  readonly by: 'id' | 'appId' | 'userPrincipalName' | 'uniqueName'
  readonly value: string
}

export interface GraphQuery {
  readonly filter?: string
  readonly select?: readonly string[]
  /** Objects a page. */
  readonly top: number
  /** The object id after which the page begins. */
  readonly after?: string
  readonly count: boolean
}

export interface GraphRequest {
  readonly method: string
  readonly keys: readonly ObjectKey[]
  readonly query: GraphQuery
  /** Parsed JSON; undefined without a body. */
  readonly body: unknown
  readonly access: GraphAccess
  /** `https://graph.microsoft.com/v1.0`. */
  readonly base: string
  /** The address that was asked, for links to the next page. */
  readonly url: URL
}

export interface GraphAnswer {
  readonly status: number
  /** JSON, or a text as it is. */
  readonly body?: unknown
}

export const ok = (body: unknown): GraphAnswer => ({ status: 200, body })
export const created = (body: unknown): GraphAnswer => ({ status: 201, body })
export const noContent: GraphAnswer = { status: 204 }

const defaultPage = 100
const largestPage = 999

/** Throws {@link GraphError} 400 for an option that is malformed or not supported. */
export function parseQuery(parameters: URLSearchParams): GraphQuery {
  const value = (name: string) => parameters.get(name) ?? parameters.get(name.slice(1)) ?? undefined
  for (const name of ['$search', '$orderby', '$skip', '$apply', '$compute']) {
    if (value(name) !== undefined) throw graphErrors.unsupportedQuery(`The query option '${name}' is not supported.`)
  }
  const filter = value('$filter')
  const select = value('$select')
  const after = value('$skiptoken')
  const count = value('$count')
  if (count !== undefined && count !== 'true' && count !== 'false') {
    throw graphErrors.badRequest("Invalid value for the query option '$count'.")
  }
  return {
    top: parseTop(value('$top')),
    count: count === 'true',
    ...(filter === undefined || filter.trim() === '' ? {} : { filter }),
    ...(select === undefined ? {} : { select: select.split(',').map((name) => name.trim()) }),
    ...(after === undefined ? {} : { after }),
  }
}

function parseTop(text: string | undefined): number {
  if (text === undefined) return defaultPage
  const top = Number(text)
  if (!/^\d{1,6}$/.test(text) || top < 1 || top > largestPage) {
    throw graphErrors.badRequest(
      `Invalid page size specified: '${text.slice(0, 32)}'. Must be between 1 and 999 inclusive.`,
    )
  }
  return top
}

/** A path in the form that routes are written in, `users/{}/getMemberGroups`, with the keys that stood in it. */
export interface GraphPath {
  readonly pattern: string
  readonly keys: readonly ObjectKey[]
}

/** Functions that stand where a key can stand. */
const functions = new Set(['getbyids', 'delta', 'validateproperties', 'getavailableextensionproperties'])

const alternate = /^(appId|userPrincipalName|uniqueName|id)='((?:[^']|'')*)'$/
const quotedKey = /^'((?:[^']|'')*)'$/

/**
 * Every second segment is a key, the rest are names. `collections` are the names after which a key can stand.
 * Throws {@link GraphError} 400 for what can not be decoded.
 */
export function parsePath(path: string, collections: ReadonlySet<string>): GraphPath {
  const keys: ObjectKey[] = []
  const names: string[] = []
  let keyIsNext = false
  for (const raw of path.split('/').filter((segment) => segment !== '')) {
    const segment = decoded(raw)
    const isName =
      segment.startsWith('$') || segment.startsWith('microsoft.graph.') || functions.has(segment.toLowerCase())
    if (keyIsNext && !isName) {
      keys.push({ by: 'id', value: segment })
      names.push('{}')
      keyIsNext = false
      continue
    }
    const keyed = /^([A-Za-z]+)\((.+)\)$/.exec(segment)
    const name = (keyed?.[1] ?? segment).toLowerCase()
    names.push(name.replace(/^microsoft\.graph\./, ''))
    if (keyed?.[2] !== undefined) {
      keys.push(keyOf(keyed[2]))
      names.push('{}')
      keyIsNext = false
    } else keyIsNext = collections.has(name)
  }
  return { pattern: names.join('/'), keys }
}

function keyOf(text: string): ObjectKey {
  const named = alternate.exec(text)
  if (named?.[1]) return { by: named[1] as ObjectKey['by'], value: (named[2] ?? '').replaceAll("''", "'") }
  const plain = quotedKey.exec(text)
  return { by: 'id', value: plain ? (plain[1] ?? '').replaceAll("''", "'") : text }
}

function decoded(segment: string): string {
  try {
    return decodeURIComponent(segment)
  } catch {
    throw graphErrors.badRequest('The request URI is not well formed.')
  }
}
