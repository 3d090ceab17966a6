/** Shared access signatures: read from a query, written as strings to sign (Microsoft Learn: Create an account, a service, a user delegation SAS). */
import { authenticationFailed } from './storage-error.ts'
import type { Service } from './wire-request.ts'

export type SasKind = 'account' | 'service' | 'delegation'

/** The oldest version whose string to sign is known here. */
const oldestVersion = '2015-04-05'

/** A signature's fields as they stand in the query, decoded. */
export interface Sas {
  readonly kind: SasKind
  readonly version: string
  readonly signature: string
  /** Any field by its parameter's name; empty when absent. */
  field(name: string): string
}

/** The SAS of a query; undefined when it carries no signature. Throws AuthenticationFailed when it is malformed. */
export function readSas(query: ReadonlyMap<string, string>): Sas | undefined {
  const signature = query.get('sig')
  if (signature === undefined) return undefined
  const version = query.get('sv') ?? ''
  if (!/^\d{4}-\d{2}-\d{2}$/.test(version) || version < oldestVersion) {
    throw authenticationFailed('sv is mandatory and must be 2015-04-05 or later.')
  }
  const kind: SasKind = query.has('skoid') ? 'delegation' : query.has('ss') || query.has('srt') ? 'account' : 'service'
  return { kind, version, signature, field: (name) => query.get(name) ?? '' }
}

/** The string an account SAS signs. */
export function accountSasStringToSign(sas: Sas, account: string): string {
  const fields = ['sp', 'ss', 'srt', 'st', 'se', 'sip', 'spr', 'sv'].map(sas.field)
  const scope = sas.version >= '2020-12-06' ? [sas.field('ses')] : []
  return `${[account, ...fields, ...scope].join('\n')}\n`
}

/** The resource a service or delegation SAS signs: the container of `sr=c`, the blob otherwise, or the queue. */
export function signedResource(sas: Sas, service: Service, account: string, segments: readonly string[]): string {
  const [name = '', blob] = segments
  if (service === 'queue' || sas.field('sr') === 'c') return `/${service}/${account}/${name}`
  return `/${service}/${account}/${name}/${blob ?? ''}`
}

const responseHeaders = ['rscc', 'rscd', 'rsce', 'rscl', 'rsct']

/** The string a service SAS signs with an account key. `snapshot` is the request's own, for `sr=bs`. */
export function serviceSasStringToSign(sas: Sas, service: Service, resource: string, snapshot: string): string {
  const head = [sas.field('sp'), sas.field('st'), sas.field('se'), resource, sas.field('si'), sas.field('sip')]
  head.push(sas.field('spr'), sas.version)
  if (service === 'queue') return head.join('\n')
  const middle =
    sas.version >= '2020-12-06'
      ? [sas.field('sr'), snapshot, sas.field('ses')]
      : sas.version >= '2018-11-09'
        ? [sas.field('sr'), snapshot]
        : []
  return [...head, ...middle, ...responseHeaders.map(sas.field)].join('\n')
}

/** The string a user delegation SAS signs with its delegation key. */
export function delegationSasStringToSign(sas: Sas, resource: string, snapshot: string): string {
  const { version } = sas
  const agents = version >= '2020-02-10' ? ['saoid', 'suoid', 'scid'] : []
  const delegated = version >= '2025-07-05' ? ['skdutid', 'sduoid'] : []
  const scope = version >= '2020-12-06' ? ['ses'] : []
  // From 2026-04-06 signed request headers and parameters have their lines; a SAS that uses them is refused before.
  const signedRequest = version >= '2026-04-06' ? ['', ''] : []
  return [
    ...['sp', 'st', 'se'].map(sas.field),
    resource,
    ...['skoid', 'sktid', 'skt', 'ske', 'sks', 'skv', ...agents, ...delegated, 'sip', 'spr'].map(sas.field),
    version,
    sas.field('sr'),
    snapshot,
    ...scope.map(sas.field),
    ...signedRequest,
    ...responseHeaders.map(sas.field),
  ].join('\n')
}

const instant = /^(\d{4}-\d{2}-\d{2})(?:T(\d{2}:\d{2})(?::(\d{2})(?:\.(\d{1,7}))?)?(Z|[+-]\d{2}:\d{2}))?$/

/** A SAS time (ISO 8601, the forms the services take) in milliseconds; undefined when it is not one. */
export function parseSasTime(text: string): number | undefined {
  const match = instant.exec(text)
  if (!match) return undefined
  const [, date, minutes = '00:00', seconds = '00', fraction = '0', zone = 'Z'] = match
  const time = Date.parse(`${date}T${minutes}:${seconds}.${fraction.padEnd(3, '0').slice(0, 3)}${zone}`)
  return Number.isNaN(time) ? undefined : time
}

function ipv4(text: string): number | undefined {
  const parts = text.split('.')
  if (parts.length !== 4 || parts.some((part) => !/^\d{1,3}$/.test(part) || Number(part) > 255)) return undefined
  return parts.reduce((sum, part) => sum * 256 + Number(part), 0)
}

/** Whether an address is in a signed `sip`: one IPv4 address, or `from-to`. */
export function ipAllowed(range: string, ip: string): boolean {
  const [from = '', to = from] = range.split('-')
  const [low, high, address] = [ipv4(from), ipv4(to), ipv4(ip)]
  return low !== undefined && high !== undefined && address !== undefined && low <= address && address <= high
}
