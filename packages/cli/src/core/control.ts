/**
 * Keystead's own small API at `control.keystead.localhost`: gives an app that a person runs a managed-identity
 * endpoint of its own, for identities which that person may assign, and explains decisions to who may change them.
 */
import type { RequestListener } from 'node:http'
import type { Authorizer } from '@keystead/authorization'
import { type Caller, type Directory, TokenError, type TokenVerifier, takeEndedBodies } from '@keystead/identity'
import { fastify } from 'fastify'
import { z } from 'zod'
import { ExplainError, type Explainer } from './explain/explainer.ts'
import { explainRequest } from './explain/explanation.ts'

const audiences = ['https://management.azure.com', 'https://management.core.windows.net']
/** Who may assign any role learns nothing from an explanation that he could not give himself. */
const explainAction = 'Microsoft.Authorization/roleAssignments/write'
const assignAction = 'Microsoft.ManagedIdentity/userAssignedIdentities/assign/action'
/** What gives an app an identity of its own on Azure: writing the app. */
const writeAppAction = 'Microsoft.App/containerApps/write'

const replicaBody = z.object({
  replicaId: z.string().regex(/^[a-z0-9][a-z0-9-]{0,62}$/),
  identities: z.array(z.string().max(2048)).max(20),
  /** The app whose system-assigned identity is wanted, made when it has none. */
  systemAssignedOf: z
    .string()
    .regex(/^[a-zA-Z0-9][a-zA-Z0-9-]{0,59}$/)
    .optional(),
})
export type ReplicaRequest = z.infer<typeof replicaBody>

export const replicaAnswer = z.object({ identityEndpoint: z.string(), identityHeader: z.string() })

class ControlError extends Error {
  readonly statusCode: number
  readonly code: string
  constructor(statusCode: number, code: string, message: string) {
    super(message)
    this.statusCode = statusCode
    this.code = code
  }
}

/** What owns the identity of an app that `keystead run` starts with `--identity system`: as a container app of that name. */
export function ownIdentityOf(subscriptionId: string, appId: string): string {
  return `/subscriptions/${subscriptionId}/resourceGroups/keystead-run/providers/Microsoft.App/containerApps/${appId}`
}

/** `PUT /replicas/{id}`, `DELETE /replicas/{id}` and `POST /explain`, for a caller with a Resource Manager token. */
export function createControlListener(options: {
  readonly principals: Directory
  readonly verifier: TokenVerifier
  readonly authorizer: Authorizer
  readonly explainer: Explainer
  readonly subscriptionId: string
}): RequestListener {
  const { principals, verifier, authorizer, explainer, subscriptionId } = options
  const app = fastify({ bodyLimit: 64 * 1024 })
  takeEndedBodies(app)

  const require = (caller: Caller, action: string, scope: string): void => {
    const decision = authorizer.decide({ by: 'role', principal: caller, action, plane: 'control', scope })
    if (!decision.allowed) {
      throw new ControlError(
        403,
        'AuthorizationFailed',
        `The client '${caller.appId}' with object id '${caller.objectId}' does not have authorization to perform action '${action}' over scope '${scope}' or the scope is invalid. If access was recently granted, please refresh your credentials.`,
      )
    }
  }

  const requireAssign = async (caller: Caller, identity: string): Promise<void> => {
    const known = await principals.managedIdentity(identity)
    require(caller, known?.kind === 'SystemAssigned' ? writeAppAction : assignAction, identity)
    if (!known) {
      throw new ControlError(
        404,
        'ResourceNotFound',
        `No managed identity '${identity}' exists. Make it with \`az identity create\`.`,
      )
    }
  }

  /** It stays when the app ends, so that roles can be given to it between runs. */
  const ownIdentity = async (caller: Caller, appId: string): Promise<string> => {
    const resourceId = ownIdentityOf(subscriptionId, appId)
    require(caller, writeAppAction, resourceId)
    return (await principals.createManagedIdentity({ resourceId, kind: 'SystemAssigned' })).resourceId
  }

  app.put('/replicas/:id', async (request, reply) => {
    const caller = await verifier.verify(request.headers.authorization, audiences)
    const { replicaId, identities, systemAssignedOf } = replicaBody.parse({
      ...(request.body as object),
      replicaId: (request.params as { id: string }).id,
    })
    // A registration that stands belongs to whoever may assign its identities, too.
    const concerned = new Set([...identities, ...(principals.replicaIdentities(replicaId) ?? [])])
    for (const identity of concerned) await requireAssign(caller, identity)
    const own = systemAssignedOf === undefined ? [] : [await ownIdentity(caller, systemAssignedOf)]
    const replica = await principals.registerReplica({ replicaId, identityResourceIds: [...own, ...identities] })
    return reply
      .header('cache-control', 'no-store')
      .send({ identityEndpoint: replica.endpoint, identityHeader: replica.header })
  })

  app.delete('/replicas/:id', async (request, reply) => {
    const caller = await verifier.verify(request.headers.authorization, audiences)
    const { id } = request.params as { id: string }
    for (const identity of principals.replicaIdentities(id) ?? []) await requireAssign(caller, identity)
    await principals.removeReplica(id)
    return reply.status(204).send()
  })

  app.post('/explain', async (request, reply) => {
    const caller = await verifier.verify(request.headers.authorization, audiences)
    require(caller, explainAction, `/subscriptions/${subscriptionId}`)
    const explained = await explainer.explain(explainRequest.parse(request.body))
    return reply.header('cache-control', 'no-store').send(explained)
  })

  app.setNotFoundHandler((_request, reply) =>
    reply.status(404).send({ error: { code: 'NotFound', message: 'There is nothing at this address.' } }),
  )

  app.setErrorHandler((error, _request, reply) => {
    if (error instanceof TokenError) {
      return reply.status(401).send({ error: { code: 'InvalidAuthenticationToken', message: error.message } })
    }
    if (error instanceof z.ZodError) {
      return reply.status(400).send({ error: { code: 'InvalidRequestContent', message: z.prettifyError(error) } })
    }
    if (error instanceof ExplainError) {
      return reply.status(400).send({ error: { code: 'InvalidRequestContent', message: error.message } })
    }
    const { statusCode = 500, code = 'InternalServerError', message } = error as Partial<ControlError>
    return reply
      .status(statusCode)
      .send({ error: { code, message: statusCode < 500 ? message : 'The request failed.' } })
  })

  const ready = app.ready()
  return (request, response) => void ready.then(() => app.routing(request, response))
}
