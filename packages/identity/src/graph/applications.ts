/** `/applications`: app registrations with their credentials, owners and federated credentials. */
import type { ApplicationRow } from '../tables.ts'
import {
  applicationChange,
  federatedCredentialChange,
  federatedCredentialInput,
  newApplication,
  parseBody,
} from './bodies.ts'
import { addPassword, type Holder, removePassword, replaceKeyCredentials } from './credentials.ts'
import { parseFilter } from './filter.ts'
import { graphErrors } from './graph-error.ts'
import { created, type GraphRequest, noContent, ok } from './graph-request.ts'
import { answerCount, answerList, answerObject, type Collection } from './list.ts'
import { credentialsOf, type GraphContext, type GraphOperations, keyAt } from './operations.ts'
import { ownerOperations } from './owners.ts'
import * as shown from './representation.ts'
import { identifierUris } from './service-principal-views.ts'

const filterable = new Set([
  'id',
  'appId',
  'displayName',
  'identifierUris',
  'createdDateTime',
  'signInAudience',
  'tags',
  'publisherDomain',
  'notes',
  'description',
])

function collection(context: GraphContext, withKey: boolean): Collection {
  const { principals, credentials } = context.parts
  const known = new Map<string, ApplicationRow>()
  return {
    name: 'applications',
    filterable,
    readable: 'all',
    async rows(equals) {
      const appId = equals.get('appId')
      const id = equals.get('id')
      const one = appId !== undefined ? { appId } : id !== undefined ? { objectId: id } : undefined
      const rows = one ? [await principals.application(one)] : await principals.applicationRows()
      const found = rows.filter((row) => row !== undefined)
      for (const row of found) known.set(row.object_id, row)
      return found.map((row) => shown.application(row, shown.noCredentials))
    },
    async complete(page) {
      if (page.length === 0) return page
      const all = await credentials.all()
      return page.map((object) => {
        const row = known.get(String(object.id))
        return row ? shown.application(row, all, withKey) : object
      })
    },
  }
}

/** Graph tells the certificates themselves only when they are asked for. */
export function wantsKeys(request: GraphRequest): boolean {
  return request.query.select?.includes('keyCredentials') === true
}

async function find(request: GraphRequest, context: GraphContext): Promise<ApplicationRow> {
  const key = keyAt(request, 0, ['id', 'appId'])
  const row = await context.parts.principals.application(
    key.by === 'appId' ? { appId: key.value } : { objectId: key.value },
  )
  if (!row) {
    request.access.requireRead()
    throw graphErrors.notFound(key.value)
  }
  return row
}

async function readable(request: GraphRequest, context: GraphContext): Promise<ApplicationRow> {
  const row = await find(request, context)
  if (!request.access.mayRead && row.app_id !== request.access.caller.appId) await manageable(request, context, row)
  return row
}

/** Who manages an application can sign in as it: so what it may do counts as well. */
async function manageable(request: GraphRequest, context: GraphContext, row: ApplicationRow): Promise<void> {
  await request.access.requireManage('applications', row.object_id)
  const principal = await context.parts.principals.servicePrincipal({ appId: row.app_id })
  if (principal) request.access.requirePrivilegeOver(principal.objectId)
}

async function managed(request: GraphRequest, context: GraphContext): Promise<ApplicationRow> {
  const row = await find(request, context)
  await manageable(request, context, row)
  return row
}

async function requireUnusedUris(context: GraphContext, uris: readonly string[], appId?: string): Promise<void> {
  if (uris.length === 0) return
  for (const uri of uris) {
    if (!URL.canParse(uri)) throw graphErrors.invalidProperty('identifierUris')
  }
  for (const other of await context.parts.principals.applicationRows()) {
    if (other.app_id === appId) continue
    if (identifierUris(shown.propertiesOf(other)).some((uri) => uris.includes(uri))) {
      throw graphErrors.multipleObjects(
        'Another object with the same value for property identifierUris already exists.',
      )
    }
  }
}

const holder = (row: ApplicationRow): Holder => ({ appId: row.app_id, kind: 'application' })

async function federated(request: GraphRequest, context: GraphContext, row: ApplicationRow) {
  const wanted = keyAt(request, 1).value
  const all = await context.parts.credentials.federated(row.app_id)
  const found = all.find((credential) => credential.name === wanted || credential.id === wanted.toLowerCase())
  if (!found) throw graphErrors.notFound(wanted)
  return found
}

export const applicationOperations: GraphOperations = {
  'GET applications': (request, context) => answerList(request, collection(context, wantsKeys(request))),
  'GET applications/$count': (request, context) => answerCount(request, collection(context, false)),

  async 'POST applications'(request, context) {
    request.access.requireCreate('applications')
    const { displayName, keyCredentials, ...properties } = parseBody(newApplication, request.body)
    await requireUnusedUris(context, properties.identifierUris ?? [])
    const row = await context.parts.principals.registerApplication(displayName, properties)
    try {
      if (keyCredentials) await replaceKeyCredentials(context, holder(row), keyCredentials)
    } catch (error) {
      await context.objects.deleteApplication(row)
      throw error
    }
    await context.parts.owners.add(row.object_id, request.access.caller.objectId)
    const body = shown.application(row, await credentialsOf(context, row.app_id))
    return created({ '@odata.context': `${request.base}/$metadata#applications/$entity`, ...body })
  },

  async 'GET applications/{}'(request, context) {
    const row = await readable(request, context)
    const credentials = await credentialsOf(context, row.app_id)
    return answerObject(request, 'applications', shown.application(row, credentials, wantsKeys(request)))
  },

  async 'PATCH applications/{}'(request, context) {
    const row = await managed(request, context)
    const { displayName, keyCredentials, ...change } = parseBody(applicationChange, request.body)
    await requireUnusedUris(context, change.identifierUris ?? [], row.app_id)
    if (keyCredentials) await replaceKeyCredentials(context, holder(row), keyCredentials)
    const properties = merged(shown.propertiesOf(row), change)
    await context.parts.principals.updateApplication(row.app_id, displayName ?? row.display_name, properties)
    return noContent
  },

  async 'DELETE applications/{}'(request, context) {
    await context.objects.deleteApplication(await managed(request, context))
    return noContent
  },

  async 'POST applications/{}/addpassword'(request, context) {
    return addPassword(context, holder(await managed(request, context)), request.body)
  },
  async 'POST applications/{}/removepassword'(request, context) {
    return removePassword(context, holder(await managed(request, context)), request.body)
  },

  async 'GET applications/{}/federatedidentitycredentials'(request, context) {
    const row = await readable(request, context)
    const all = (await context.parts.credentials.federated(row.app_id)).map(shown.federatedCredential)
    const { filter } = request.query
    const matches = filter ? parseFilter(filter, new Set(['name', 'issuer', 'subject', 'id'])).matches : () => true
    return ok({
      '@odata.context': `${request.base}/$metadata#applications('${row.object_id}')/federatedIdentityCredentials`,
      value: all.filter(matches),
    })
  },
  async 'POST applications/{}/federatedidentitycredentials'(request, context) {
    const row = await managed(request, context)
    const input = parseBody(federatedCredentialInput, request.body)
    const { credentials } = context.parts
    if ((await credentials.federated(row.app_id)).some(({ name }) => name === input.name)) {
      throw graphErrors.multipleObjects(`FederatedIdentityCredential with name ${input.name} already exists.`)
    }
    const { description, ...credential } = input
    await credentials.addFederated(row.app_id, { ...credential, description: description ?? '' })
    const saved = (await credentials.federated(row.app_id)).find(({ name }) => name === input.name)
    if (!saved) throw graphErrors.notFound(input.name)
    return created({
      '@odata.context': `${request.base}/$metadata#applications('${row.object_id}')/federatedIdentityCredentials/$entity`,
      ...shown.federatedCredential(saved),
    })
  },
  async 'GET applications/{}/federatedidentitycredentials/{}'(request, context) {
    return ok(shown.federatedCredential(await federated(request, context, await readable(request, context))))
  },
  async 'PATCH applications/{}/federatedidentitycredentials/{}'(request, context) {
    const row = await managed(request, context)
    const known = await federated(request, context, row)
    const { name, description, ...change } = parseBody(federatedCredentialChange, request.body)
    if (name !== undefined && name !== known.name) throw graphErrors.badRequest('The name can not be changed.')
    const text = description === undefined ? known.description : (description ?? '')
    await context.parts.credentials.addFederated(row.app_id, {
      ...known,
      ...withoutUndefined(change),
      ...(text === undefined ? {} : { description: text }),
    })
    return noContent
  },
  async 'DELETE applications/{}/federatedidentitycredentials/{}'(request, context) {
    const row = await managed(request, context)
    const { name } = await federated(request, context, row)
    await context.parts.credentials.removeFederated(row.app_id, name)
    return noContent
  },

  ...ownerOperations('applications', {
    readable: async (request, context) => (await readable(request, context)).object_id,
    managed: async (request, context) => (await managed(request, context)).object_id,
  }),
}

function withoutUndefined<T extends object>(change: T): { [K in keyof T]: Exclude<T[K], undefined> } {
  return Object.fromEntries(Object.entries(change).filter(([, value]) => value !== undefined)) as {
    [K in keyof T]: Exclude<T[K], undefined>
  }
}

/** Complex properties are merged one level deep, as `PATCH` of Graph does; lists are replaced. */
export function merged(
  before: Readonly<Record<string, unknown>>,
  change: Readonly<Record<string, unknown>>,
): Record<string, unknown> {
  const result: Record<string, unknown> = { ...before }
  for (const [name, value] of Object.entries(change)) {
    const old = result[name]
    result[name] = isPlain(old) && isPlain(value) ? { ...old, ...value } : value
  }
  return result
}

function isPlain(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
