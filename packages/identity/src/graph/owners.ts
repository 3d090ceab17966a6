/** `…/owners` of applications, service principals and groups. */
import { parseBody, reference, referencedId } from './bodies.ts'
import { graphErrors } from './graph-error.ts'
import { type GraphRequest, noContent, ok } from './graph-request.ts'
import { directoryObjects, type GraphContext, type GraphOperations, idAt } from './operations.ts'

export interface Owned {
  /** The object's id, for a caller that may read it. */
  readable(request: GraphRequest, context: GraphContext): Promise<string>
  /** The object's id, for a caller that may change it. */
  managed(request: GraphRequest, context: GraphContext): Promise<string>
}

export function ownerOperations(collection: string, owned: Owned): GraphOperations {
  return {
    async [`GET ${collection}/{}/owners`](request, context) {
      const objectId = await owned.readable(request, context)
      const value = await directoryObjects(context, await context.parts.owners.of(objectId))
      return ok({ '@odata.context': `${request.base}/$metadata#directoryObjects`, value })
    },
    async [`POST ${collection}/{}/owners/$ref`](request, context) {
      const objectId = await owned.managed(request, context)
      const ownerId = referencedId(parseBody(reference, request.body)['@odata.id'])
      const owner = await context.objects.principal(ownerId)
      if (!owner) throw graphErrors.notFound(ownerId)
      if (owner.type === 'Group') throw graphErrors.badRequest('A group can not be an owner.')
      await context.parts.owners.add(objectId, ownerId)
      return noContent
    },
    async [`DELETE ${collection}/{}/owners/{}/$ref`](request, context) {
      const objectId = await owned.managed(request, context)
      const ownerId = idAt(request, 1)
      if (!(await context.parts.owners.remove(objectId, ownerId))) throw graphErrors.notFound(ownerId)
      return noContent
    },
  }
}
