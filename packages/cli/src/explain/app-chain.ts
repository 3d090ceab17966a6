/** The way of a secret to an app, as far as files tell it: app, components, secret store, identity, vault. */
import type { AppRecord } from '../app-records.ts'
import type { ComponentFile, ComponentFiles } from './component-files.ts'
import type { PrintedLink } from './link.ts'

export interface AppChain {
  readonly links: readonly PrintedLink[]
  /** Who asks which vault, when the files lead that far. */
  readonly asks?: { readonly principal: string; readonly vault: string }
}

/** What of the cloud the chain is matched with: the client id of each identity that the app has. */
export interface AppIdentity {
  readonly resourceId: string
  /** Undefined of the app's own, which is meant when no client id is named. */
  readonly clientId: string | undefined
}

const keyVaultType = 'secretstores.azure.keyvault'
const clientIdFields = ['azureclientid', 'spnclientid', 'clientid']
const credentialFields = [
  ...['azureclientsecret', 'spnclientsecret', 'clientsecret'],
  ...['azurecertificate', 'spncertificate', 'azurecertificatefile', 'spncertificatefile'],
]

export function walkApp(options: {
  readonly app: AppRecord
  readonly secret: string
  /** The store a person named. */
  readonly store: string | undefined
  readonly files: ComponentFiles
  readonly identities: readonly AppIdentity[]
}): AppChain {
  const { app, secret, files, identities } = options
  const links: PrintedLink[] = []
  const seen = files.components.filter(({ scopes }) => scopes.length === 0 || scopes.includes(app.appId))
  const hidden = files.components.filter((component) => !seen.includes(component))
  const wanting = seen.filter(({ secretRefs }) => secretRefs.some((ref) => ref.secret === secret))
  links.push({
    name: 'app',
    state: files.broken.length > 0 ? 'fails' : 'holds',
    detail:
      files.broken.length > 0
        ? 'a component file can not be read'
        : `${app.appId} was started on ${app.startedAt} with ${seen.length} of ${files.components.length} components`,
    considered: [
      ...files.broken,
      ...hidden.map((component) => `${component.name} (${component.file}) is scoped to ${component.scopes.join(', ')}`),
    ],
  })
  const { link, store } = findStore(options, seen, hidden, wanting)
  links.push(link)
  if (store === undefined || store.type !== keyVaultType) return { links }
  const vault = (store.values.get('vaultname') ?? '').replace(/^https:\/\//, '').replace(/\..*$/, '')
  const { link: identityLink, principal } = findIdentity(store, app, identities)
  links.push(identityLink)
  return principal === undefined || vault === '' ? { links } : { links, asks: { principal, vault } }
}

function findStore(
  { app, secret, store: named }: { app: AppRecord; secret: string; store: string | undefined },
  seen: readonly ComponentFile[],
  hidden: readonly ComponentFile[],
  wanting: readonly ComponentFile[],
): { link: PrintedLink; store?: ComponentFile } {
  const name = 'secret store'
  const stores = seen.filter(({ type }) => type.startsWith('secretstores.'))
  const considered = wanting.flatMap((component) =>
    component.secretRefs
      .filter((ref) => ref.secret === secret)
      .map(({ field }) => `${component.name} takes ${field} from it (secretKeyRef, store ${component.secretStore})`),
  )
  const wanted = named ?? wanting.find(({ secretStore }) => secretStore)?.secretStore
  const out = hidden.find((component) => component.name === wanted)
  if (out !== undefined) {
    return {
      link: {
        name,
        state: 'fails',
        detail: `${out.name} is not for this app`,
        considered: [...considered, `add ${app.appId} to the scopes in ${out.file}`],
      },
    }
  }
  const matching = wanted === undefined ? stores : stores.filter((component) => component.name === wanted)
  const [store, ...others] = matching
  if (store === undefined) {
    const detail = wanted === undefined ? 'the app has no secret store' : `no secret store is called ${wanted}`
    return { link: { name, state: 'fails', detail, considered } }
  }
  if (others.length > 0) {
    const names = matching.map((component) => component.name).join(', ')
    return {
      link: { name, state: 'fails', detail: `the app has several: name one with --store (${names})`, considered },
    }
  }
  if (store.type !== keyVaultType) {
    return {
      link: {
        name,
        state: 'holds',
        detail: `${store.name} is ${store.type}, which asks no vault: its own log line says what it refuses`,
        considered,
      },
    }
  }
  const vault = store.values.get('vaultname')
  return vault
    ? { link: { name, state: 'holds', detail: `${store.name} asks vault ${vault} (${store.file})`, considered }, store }
    : { link: { name, state: 'fails', detail: `${store.name} names no vaultName (${store.file})`, considered } }
}

function findIdentity(
  store: ComponentFile,
  app: AppRecord,
  identities: readonly AppIdentity[],
): { link: PrintedLink; principal?: string } {
  const name = 'identity'
  const field = clientIdFields.find((each) => store.values.has(each))
  const clientId = field === undefined ? undefined : store.values.get(field)
  const own = identities.find((each) => each.clientId === undefined)
  const assigned = identities.filter((each) => each.clientId !== undefined)
  const considered = [
    ...assigned.map(({ resourceId, clientId: id }) => `the app has ${resourceId}, client id ${id}`),
    ...(own === undefined ? [] : ['the app has a system-assigned identity']),
  ]
  if (clientId && credentialFields.some((each) => store.values.has(each))) {
    return {
      link: { name, state: 'holds', detail: `${store.name} signs in as application ${clientId} with a credential` },
      principal: clientId,
    }
  }
  if (!clientId) {
    if (own !== undefined) {
      return {
        link: { name, state: 'holds', detail: `${store.name} asks as the app's own identity`, considered },
        principal: own.resourceId,
      }
    }
    const [only] = assigned
    const advice =
      only === undefined
        ? `run the app again with --identity system`
        : `name one as azureClientId in ${store.file}, for example ${only.clientId}`
    return {
      link: {
        name,
        state: 'fails',
        detail: `${store.name} names no azureClientId, and ${app.appId} has no system-assigned identity`,
        considered: [...considered, advice],
      },
    }
  }
  const identity = assigned.find((each) => each.clientId?.toLowerCase() === clientId.toLowerCase())
  return identity === undefined
    ? {
        link: {
          name,
          state: 'fails',
          detail: `${store.name} asks as ${clientId}, which is no identity of the app`,
          considered: [...considered, 'run the app again with --identity RESOURCE-ID of that identity'],
        },
      }
    : {
        link: { name, state: 'holds', detail: `${store.name} asks as ${identity.resourceId}`, considered },
        principal: identity.resourceId,
      }
}
