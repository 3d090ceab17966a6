/** Pages of a list: `$top`, `$skiptoken` and the `nextLink` that leads on. */
import { invalidSkipToken, invalidTop } from './arm-errors.ts'
import type { OperationContext } from './operation.ts'
import type { Resource, ResourceStore } from './resource-store.ts'

/** The most that one page holds, as on Azure. */
export const maxPageSize = 1000

export interface Page {
  readonly value: readonly unknown[]
  readonly nextLink?: string
}

type PageRequest = Pick<OperationContext, 'query' | 'baseUrl'>

/** How many the caller asked for, at most {@link maxPageSize}. Throws ArmError 400. */
export function pageSize({ query }: PageRequest): number {
  const top = query.$top
  if (top === undefined) return maxPageSize
  if (!/^[1-9]\d{0,8}$/.test(top)) throw invalidTop(top)
  return Math.min(Number(top), maxPageSize)
}

/** The key after which the page begins, as {@link nextLink} wrote it. Throws ArmError 400. */
export function pageStart({ query }: PageRequest): string | undefined {
  const token = query.$skiptoken
  if (token === undefined || token === '') return undefined
  const key = Buffer.from(token, 'base64url').toString('utf8')
  if (token.length > 4096 || Buffer.from(key, 'utf8').toString('base64url') !== token) throw invalidSkipToken()
  return key
}

/** The link to the page after `key`. `path` is the list's own path. */
export function nextLink({ query, baseUrl }: PageRequest, path: string, key: string): string {
  const parameters = new URLSearchParams({ ...query, $skiptoken: Buffer.from(key, 'utf8').toString('base64url') })
  return `${baseUrl}${encodeURI(path)}?${parameters}`
}

/**
 * One page of the resources that `list` selects and `accept` lets through, each as `show` has it.
 * The store is read a stretch at a time, so that a long list needs no memory of its own.
 */
export async function pageOfResources(
  context: PageRequest & { readonly resources: ResourceStore },
  path: string,
  list: { readonly below?: string; readonly type?: string; readonly name?: string },
  show: (resource: Resource) => unknown,
  accept: (resource: Resource) => boolean = () => true,
): Promise<Page> {
  const limit = pageSize(context)
  const value: unknown[] = []
  let after = pageStart(context)
  let last: string | undefined
  for (;;) {
    const stretch = await context.resources.list({ ...list, ...(after !== undefined && { after }), limit: limit + 1 })
    for (const resource of stretch) {
      if (!accept(resource)) continue
      if (value.length === limit && last !== undefined) return { value, nextLink: nextLink(context, path, last) }
      value.push(show(resource))
      last = resource.id
    }
    after = stretch.at(-1)?.id
    if (stretch.length <= limit || after === undefined) return { value }
  }
}
