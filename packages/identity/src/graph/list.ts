/** Collections as Microsoft Graph answers them: filtered, in pages, with the properties that were selected. */
import { type GraphObject, parseFilter } from './filter.ts'
import { graphErrors } from './graph-error.ts'
import { type GraphAnswer, type GraphRequest, ok } from './graph-request.ts'

export interface Collection {
  /** For `@odata.context`, e.g. `users`. */
  readonly name: string
  /** The properties that `$filter` takes. */
  readonly filterable: ReadonlySet<string>
  /** Objects for the equality that an index answers, if there is one; else all of them. */
  rows(equals: ReadonlyMap<string, string>): Promise<readonly GraphObject[]>
  /** What costs more to make, for the objects of one page. */
  complete?(page: readonly GraphObject[]): Promise<readonly GraphObject[]>
  /** Whether the answer has to be within what the caller may read. */
  readonly readable: 'all' | 'checked'
}

const everything = (): boolean => true

async function matching(request: GraphRequest, collection: Collection): Promise<GraphObject[]> {
  const { filter } = request.query
  const parsed = filter === undefined ? undefined : parseFilter(filter, collection.filterable)
  const rows = await collection.rows(parsed?.equals ?? new Map())
  const found = rows.filter(parsed?.matches ?? everything)
  if (collection.readable === 'all' && !request.access.mayRead) {
    // A filter that picks out the caller alone reads nothing but the caller.
    const only = filter !== undefined && found.length === 1 ? found[0] : undefined
    if (!only || !request.access.isSelf(String(only.id))) throw graphErrors.denied()
  }
  return found.sort((one, other) => (String(one.id) < String(other.id) ? -1 : 1))
}

export async function answerList(request: GraphRequest, collection: Collection): Promise<GraphAnswer> {
  const { top, after, count, select } = request.query
  const found = await matching(request, collection)
  const rest = after === undefined ? found : found.filter((object) => String(object.id) > after)
  const page = rest.slice(0, top)
  const completed = collection.complete ? await collection.complete(page) : page
  const last = page.at(-1)
  const next = last && rest.length > top ? nextLink(request.url, String(last.id)) : undefined
  return ok({
    '@odata.context': `${request.base}/$metadata#${collection.name}`,
    ...(count ? { '@odata.count': found.length } : {}),
    ...(next ? { '@odata.nextLink': next } : {}),
    value: completed.map((object) => selected(object, select)),
  })
}

/** `/users/$count`: a bare number. */
export async function answerCount(request: GraphRequest, collection: Collection): Promise<GraphAnswer> {
  return ok(String((await matching(request, collection)).length))
}

export function answerObject(request: GraphRequest, name: string, object: GraphObject): GraphAnswer {
  return ok({
    '@odata.context': `${request.base}/$metadata#${name}/$entity`,
    ...selected(object, request.query.select),
  })
}

function selected(object: GraphObject, select: readonly string[] | undefined): GraphObject {
  if (select === undefined || select.includes('*')) return object
  return Object.fromEntries(Object.entries(object).filter(([name]) => name === '@odata.type' || select.includes(name)))
}

function nextLink(url: URL, after: string): string {
  const next = new URL(url)
  next.searchParams.delete('$skiptoken')
  next.searchParams.set('$skiptoken', after)
  return next.href
}
