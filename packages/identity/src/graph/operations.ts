/** What the operations of Microsoft Graph share: what they work on, how they are listed in the table of routes. */
import type { DirectoryObject, DirectoryObjects, DirectoryParts } from '../directory/directory-objects.ts'
import type { GraphObject } from './filter.ts'
import { graphErrors } from './graph-error.ts'
import type { GraphAnswer, GraphRequest, ObjectKey } from './graph-request.ts'
import * as shown from './representation.ts'
import { type ServicePrincipalViews, servicePrincipalViews } from './service-principal-views.ts'

export interface GraphContext {
  readonly tenantId: string
  /** Milliseconds since the epoch. */
  readonly clock: () => number
  readonly objects: DirectoryObjects
  readonly parts: DirectoryParts
  readonly servicePrincipals: ServicePrincipalViews
}

export function graphContext(options: {
  readonly tenantId: string
  readonly clock: () => number
  readonly objects: DirectoryObjects
}): GraphContext {
  const { parts } = options.objects
  return { ...options, parts, servicePrincipals: servicePrincipalViews(options.tenantId, parts) }
}

export type GraphOperation = (request: GraphRequest, context: GraphContext) => Promise<GraphAnswer>

/** By method and pattern, e.g. `GET users/{}`; patterns are in lower case. */
export type GraphOperations = Readonly<Record<string, GraphOperation>>

/** The key at this place of the path; only an object id or, in parentheses, a property that `kinds` names. */
export function keyAt(request: GraphRequest, index: number, kinds: readonly ObjectKey['by'][] = ['id']): ObjectKey {
  const key = request.keys[index]
  if (!key) throw graphErrors.notFound('')
  if (!kinds.includes(key.by)) throw graphErrors.badRequest(`The key '${key.by}' is not one of this resource.`)
  return key
}

export function idAt(request: GraphRequest, index: number): string {
  return keyAt(request, index).value.toLowerCase()
}

/** Any object as members, owners, look-ups by ids show it: with its type. */
export async function directoryObject(context: GraphContext, found: DirectoryObject): Promise<GraphObject> {
  const type = { '@odata.type': `#microsoft.graph.${found.kind}` }
  switch (found.kind) {
    case 'user':
      return { ...type, ...shown.userByDefault(shown.user(found.row)) }
    case 'group':
      return { ...type, ...shown.group(found.row) }
    case 'application':
      return { ...type, ...shown.application(found.row, await credentialsOf(context, found.row.app_id)) }
    case 'servicePrincipal': {
      const [object] = await context.servicePrincipals.complete([found.row])
      return { ...type, ...object }
    }
  }
}

export async function directoryObjects(context: GraphContext, ids: Iterable<string>): Promise<GraphObject[]> {
  const objects: GraphObject[] = []
  for (const id of ids) {
    const found = await context.objects.find(id)
    if (found) objects.push(await directoryObject(context, found))
  }
  return objects
}

export async function credentialsOf(context: GraphContext, appId: string): Promise<shown.Credentials> {
  const { credentials } = context.parts
  return { passwords: await credentials.passwords(appId), certificates: await credentials.certificates(appId) }
}
