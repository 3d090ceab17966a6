/** What an operation of the data plane is, and what it takes to be allowed. */

import { notImplemented, unsupportedHeader, unsupportedQueryParameter } from './storage-error.ts'
import { header, type Service, type WireRequest } from './wire-request.ts'

/** An action as role definitions name it; container and queue management is control-plane in the built-in roles. */
export interface RequiredAction {
  readonly action: string
  readonly plane: 'control' | 'data'
}

/** Each alternative suffices; within one, all are needed. */
export type Alternatives = readonly (readonly RequiredAction[])[]

export type ResourceLevel = 'service' | 'container' | 'blob' | 'queue' | 'messages' | 'message'

export interface DataOperation {
  /** As the REST reference titles it, e.g. `PutBlob`. */
  readonly name: string
  readonly level: ResourceLevel
  readonly methods: readonly string[]
  /** Exactly these; absent means the parameter must be absent. */
  readonly restype?: string
  readonly comp?: string
  /** Headers or parameters that tell operations of one method and comp apart. */
  readonly when?: (request: WireRequest) => boolean
  readonly write: boolean
  /** By bearer token (and by the identity behind a user delegation SAS). */
  readonly actions: Alternatives
  /** Suffices where nothing is there yet: passed on with `If-None-Match: *`. */
  readonly createActions?: Alternatives
  /** Letters of a service SAS, any of which allows it; none: no service SAS does. */
  readonly serviceSas: string
  /** A letter that allows it where nothing is there yet. */
  readonly createSas?: string
  /** Account SAS: the resource type (s, c, o) and letters, any of which allows it; absent: no account SAS does. */
  readonly accountSas?: { readonly resourceType: 's' | 'c' | 'o'; readonly permissions: string }
  /** `copy`: the server copies from x-ms-copy-source. `fromUrl`: the body comes from there. */
  readonly source?: 'copy' | 'fromUrl'
  /** Answered here, not by Azurite. */
  readonly local?: 'userDelegationKey' | 'batch'
  /** Read by anybody where the container says so and the account allows it. */
  readonly publicRead?: true
  /** The body of its answer is XML that names the account. */
  readonly listing?: true
}

const queryNames: Readonly<Record<Service, ReadonlySet<string>>> = {
  blob: new Set([
    'restype',
    'comp',
    'timeout',
    'prefix',
    'delimiter',
    'marker',
    'maxresults',
    'include',
    'snapshot',
    'blockid',
    'blocklisttype',
    'prevsnapshot',
    'where',
  ]),
  queue: new Set([
    'restype',
    'comp',
    'timeout',
    'prefix',
    'marker',
    'maxresults',
    'include',
    'numofmessages',
    'visibilitytimeout',
    'peekonly',
    'messagettl',
    'popreceipt',
  ]),
}

/** Parameters of a shared access signature: they are verified here and never passed on. */
export const sasParameters: ReadonlySet<string> = new Set([
  'sv',
  'ss',
  'srt',
  'sp',
  'st',
  'se',
  'sip',
  'spr',
  'sr',
  'si',
  'sig',
  'ses',
  'skoid',
  'sktid',
  'skt',
  'ske',
  'sks',
  'skv',
  'saoid',
  'suoid',
  'scid',
  'skdutid',
  'sduoid',
  'srh',
  'srq',
  'sdd',
  'rscc',
  'rscd',
  'rsce',
  'rscl',
  'rsct',
])

const containerName = /^(?:[a-z0-9](?!.*--)[a-z0-9-]{1,61}[a-z0-9]|\$root|\$web|\$logs)$/
const queueName = /^[a-z0-9](?!.*--)[a-z0-9-]{1,61}[a-z0-9]$/

/** Container or queue names as the services limit them. */
export function isValidName(service: Service, name: string): boolean {
  return (service === 'blob' ? containerName : queueName).test(name)
}

/** The level a request is on, by its path; undefined when it is on none. */
export function levelOf(request: WireRequest): ResourceLevel | undefined {
  const { segments, service } = request
  const [name, second] = segments
  if (segments.length === 0 || name === '') return segments.length === 0 ? 'service' : undefined
  if (service === 'blob') return segments.length === 1 ? 'container' : 'blob'
  if (segments.length === 1) return 'queue'
  if (second !== 'messages' || segments.some((segment) => segment === '')) return undefined
  return segments.length === 2 ? 'messages' : segments.length === 3 ? 'message' : undefined
}

/**
 * Finds the one operation a request is. Throws `NotImplemented` outside the table, and refuses parameters and
 * override headers that Azurite might read differently from here.
 */
export function matchOperation(table: readonly DataOperation[], request: WireRequest): DataOperation {
  for (const name of request.query.keys()) {
    if (!queryNames[request.service].has(name) && !sasParameters.has(name)) throw unsupportedQueryParameter(name)
  }
  if (header(request, 'x-http-method') !== undefined) throw unsupportedHeader('x-http-method')
  const level = levelOf(request)
  const operation = table.find(
    (one) =>
      one.level === level &&
      one.methods.includes(request.method) &&
      one.restype === request.query.get('restype') &&
      one.comp === request.query.get('comp') &&
      (one.when?.(request) ?? true),
  )
  if (operation === undefined) {
    const comp = request.query.get('comp')
    throw notImplemented(`${request.method} on the ${level ?? 'path'}${comp === undefined ? '' : ` with comp=${comp}`}`)
  }
  if (operation.source === undefined && header(request, 'x-ms-copy-source') !== undefined) {
    throw unsupportedHeader('x-ms-copy-source')
  }
  return operation
}
