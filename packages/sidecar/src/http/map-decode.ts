/** A transaction's operation read as Go's mapstructure reads it: every fault at once. */
import { isJsonObject, setOwn } from '../gojson/decode.ts'

export class MapDecodeError extends Error {
  override readonly name = 'MapDecodeError'
}

export interface OperationRequest {
  readonly key: string
  readonly etag?: string
  readonly metadata?: Readonly<Record<string, string>>
  readonly options?: { readonly concurrency?: string; readonly consistency?: string }
  readonly value?: unknown
  readonly contentType?: string
}

/** Names are matched whatever their case. Throws {@link MapDecodeError}. */
export function decodeOperationRequest(request: unknown, operation: 'upsert' | 'delete'): OperationRequest {
  if (request === null || request === undefined) return { key: '' }
  if (!isJsonObject(request)) throw new MapDecodeError(`'' expected a map, got '${goType(request)}'`)
  const errors: string[] = []
  const text = (name: string, value: unknown): string => {
    if (typeof value === 'string') return value
    if (value === null || value === undefined) return ''
    errors.push(
      `'${name}' expected type 'string', got unconvertible type '${goType(value)}', value: '${goText(value)}'`,
    )
    return ''
  }
  const key = text('Key', field(request, 'key'))
  const etag = text('ETag', field(request, 'etag'))
  const given = field(request, 'metadata')
  let metadata: Record<string, string> | undefined
  if (isJsonObject(given)) {
    metadata = {}
    for (const name of Object.keys(given)) setOwn(metadata, name, text(`Metadata[${name}]`, given[name]))
  } else if (given !== null && given !== undefined) errors.push(`'Metadata' expected a map, got '${goKind(given)}'`)
  const options = field(request, 'options')
  let concurrency = ''
  let consistency = ''
  if (isJsonObject(options)) {
    concurrency = text('Options.Concurrency', field(options, 'concurrency'))
    consistency = text('Options.Consistency', field(options, 'consistency'))
  } else if (options !== null && options !== undefined) {
    errors.push(`'Options' expected a map, got '${goKind(options)}'`)
  }
  const contentType = operation === 'upsert' ? text('ContentType', field(request, 'contenttype')) : ''
  if (errors.length > 0) {
    const lines = errors.map((error) => `* ${error}`).sort()
    throw new MapDecodeError(`${errors.length} error(s) decoding:\n\n${lines.join('\n')}`)
  }
  return {
    key,
    ...(etag ? { etag } : {}),
    ...(metadata ? { metadata } : {}),
    ...(concurrency || consistency
      ? { options: { ...(concurrency ? { concurrency } : {}), ...(consistency ? { consistency } : {}) } }
      : {}),
    ...(operation === 'upsert' ? { value: field(request, 'value') } : {}),
    ...(contentType ? { contentType } : {}),
  }
}

function field(request: Readonly<Record<string, unknown>>, name: string): unknown {
  for (const key in request) if (key.toLowerCase() === name) return request[key]
  return undefined
}

function goType(value: unknown): string {
  if (Array.isArray(value)) return '[]interface {}'
  switch (typeof value) {
    case 'number':
      return 'float64'
    case 'boolean':
      return 'bool'
    case 'string':
      return 'string'
    default:
      return 'map[string]interface {}'
  }
}

function goKind(value: unknown): string {
  return Array.isArray(value) ? 'slice' : goType(value)
}

/** Go's `%v` of a decoded value. */
function goText(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(goText).join(' ')}]`
  if (isJsonObject(value)) {
    const keys = Object.keys(value).sort()
    return `map[${keys.map((key) => `${key}:${goText(value[key])}`).join(' ')}]`
  }
  return value === null ? '<nil>' : String(value)
}
