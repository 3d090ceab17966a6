/** `/servicePrincipals`: what applications and managed identities are in this tenant. */
import type { ServicePrincipalRow } from '../tables.ts'
import { merged, wantsKeys } from './applications.ts'
import { newServicePrincipal, parseBody, servicePrincipalChange } from './bodies.ts'
import { addPassword, type Holder, removePassword, replaceKeyCredentials } from './credentials.ts'
import { graphErrors } from './graph-error.ts'
import { created, type GraphRequest, noContent } from './graph-request.ts'
import { answerCount, answerList, answerObject, type Collection } from './list.ts'
import { type GraphContext, type GraphOperations, keyAt } from './operations.ts'
import { ownerOperations } from './owners.ts'
import * as shown from './representation.ts'

const filterable = new Set([
  'id',
  'appId',
  'displayName',
  'servicePrincipalNames',
  'servicePrincipalType',
  'alternativeNames',
  'accountEnabled',
  'createdDateTime',
  'tags',
  'appOwnerOrganizationId',
])
const guid = /^[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}$/i

function collection(context: GraphContext, withKey: boolean): Collection {
  const { principals } = context.parts
  const known = new Map<string, ServicePrincipalRow>()
  return {
    name: 'servicePrincipals',
    filterable,
    readable: 'all',
    async rows(equals) {
      const name = equals.get('servicePrincipalNames')
      const appId = equals.get('appId') ?? (name !== undefined && guid.test(name) ? name : undefined)
      const id = equals.get('id')
      const one = appId !== undefined ? { appId } : id !== undefined ? { objectId: id } : undefined
      const found = one ? [await principals.servicePrincipalRow(one)] : await principals.servicePrincipalRows()
      const rows = found.filter((row) => row !== undefined)
      for (const row of rows) known.set(row.object_id, row)
      return context.servicePrincipals.outline(rows)
    },
    complete: (page) =>
      context.servicePrincipals.complete(
        page.flatMap((object) => known.get(String(object.id)) ?? []),
        withKey,
      ),
  }
}

async function find(request: GraphRequest, context: GraphContext): Promise<ServicePrincipalRow> {
  const key = keyAt(request, 0, ['id', 'appId'])
  const row = await context.parts.principals.servicePrincipalRow(
    key.by === 'appId' ? { appId: key.value } : { objectId: key.value },
  )
  request.access.requireRead(row?.object_id)
  if (!row) throw graphErrors.notFound(key.value)
  return row
}

async function managed(request: GraphRequest, context: GraphContext): Promise<ServicePrincipalRow> {
  const row = await find(request, context)
  const { access } = request
  const application = await context.parts.principals.application({ appId: row.app_id })
  const owners = application ? await context.parts.owners.of(application.object_id) : []
  if (!owners.includes(access.caller.objectId)) await access.requireManage('applications', row.object_id)
  access.requirePrivilegeOver(row.object_id)
  return row
}

/** A managed identity's is made, changed and deleted with its resource. */
async function managedApplication(request: GraphRequest, context: GraphContext): Promise<ServicePrincipalRow> {
  const row = await managed(request, context)
  if (row.type === 'ManagedIdentity') {
    throw graphErrors.badRequest('The service principal of a managed identity can not be changed directly.')
  }
  return row
}

async function view(context: GraphContext, row: ServicePrincipalRow, withKey = false) {
  const [object] = await context.servicePrincipals.complete([row], withKey)
  if (!object) throw graphErrors.notFound(row.object_id)
  return object
}

const holder = (row: ServicePrincipalRow): Holder => ({ appId: row.app_id, kind: 'servicePrincipal' })

export const servicePrincipalOperations: GraphOperations = {
  'GET serviceprincipals': (request, context) => answerList(request, collection(context, wantsKeys(request))),
  'GET serviceprincipals/$count': (request, context) => answerCount(request, collection(context, false)),

  async 'POST serviceprincipals'(request, context) {
    request.access.requireCreate('applications')
    const { appId, keyCredentials, accountEnabled: _, ...properties } = parseBody(newServicePrincipal, request.body)
    const application = await context.parts.principals.application({ appId })
    if (!application) {
      throw graphErrors.badRequest(
        `The appId '${appId}' of the service principal does not reference a valid application object.`,
      )
    }
    await request.access.requireManage('applications', application.object_id)
    const row = await context.parts.principals.createServicePrincipal(application, properties)
    if (keyCredentials) await replaceKeyCredentials(context, holder(row), keyCredentials)
    await context.parts.owners.add(row.object_id, request.access.caller.objectId)
    return created({
      '@odata.context': `${request.base}/$metadata#servicePrincipals/$entity`,
      ...(await view(context, row)),
    })
  },

  async 'GET serviceprincipals/{}'(request, context) {
    const row = await find(request, context)
    return answerObject(request, 'servicePrincipals', await view(context, row, wantsKeys(request)))
  },

  async 'PATCH serviceprincipals/{}'(request, context) {
    const row = await managedApplication(request, context)
    const { keyCredentials, accountEnabled: _, ...change } = parseBody(servicePrincipalChange, request.body)
    if (keyCredentials) await replaceKeyCredentials(context, holder(row), keyCredentials)
    await context.parts.principals.updateServicePrincipal(row.object_id, merged(shown.propertiesOf(row), change))
    return noContent
  },

  async 'DELETE serviceprincipals/{}'(request, context) {
    const row = await managedApplication(request, context)
    await context.objects.deleteServicePrincipal(row.object_id)
    return noContent
  },

  async 'POST serviceprincipals/{}/addpassword'(request, context) {
    return addPassword(context, holder(await managedApplication(request, context)), request.body)
  },
  async 'POST serviceprincipals/{}/removepassword'(request, context) {
    return removePassword(context, holder(await managedApplication(request, context)), request.body)
  },

  ...ownerOperations('serviceprincipals', {
    readable: async (request, context) => (await find(request, context)).object_id,
    managed: async (request, context) => (await managedApplication(request, context)).object_id,
  }),
}
