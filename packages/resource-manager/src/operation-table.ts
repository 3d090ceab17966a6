/** The one table of operations: what is not in it does not answer. */
import {
  invalidApiVersion,
  invalidNamespace,
  invalidType,
  methodNotAllowed,
  noRegisteredProvider,
  noSuchPath,
} from './arm-errors.ts'
import type { DeclaredOperation, Job, ResourceProvider, ResourceTypeDeclaration } from './operation.ts'
import { normalizeLocation } from './regions.ts'
import type { Reading, RequestPath } from './request-path.ts'

export interface TypeEntry {
  readonly namespace: string
  readonly declaration: ResourceTypeDeclaration
  readonly operations: ReadonlyMap<string, DeclaredOperation>
}

export interface Match {
  readonly entry: TypeEntry
  readonly operation: DeclaredOperation
  readonly reading: Reading
}

export const systemNamespace = 'Microsoft.Resources'

export class OperationTable {
  readonly #types = new Map<string, TypeEntry>()
  /** Verbs of a whole subscription (`checkNameAvailability`), by namespace and verb. */
  readonly #subscriptionVerbs = new Map<string, { entry: TypeEntry; operation: DeclaredOperation }>()
  readonly #providers = new Map<string, ResourceProvider>()

  register(provider: ResourceProvider): void {
    const key = provider.namespace.toLowerCase()
    const known = this.#providers.get(key)
    this.#providers.set(key, known === undefined ? provider : { ...known, types: [...known.types, ...provider.types] })
    for (const declaration of provider.types) {
      const operations = new Map<string, DeclaredOperation>()
      const entry: TypeEntry = { namespace: provider.namespace, declaration, operations }
      for (const operation of declaration.operations) {
        const name = operationKey(operation.method, operation.on, operation.verb)
        if (operations.has(name)) throw new Error(`${provider.namespace}/${declaration.type} declares ${name} twice`)
        operations.set(name, operation)
        if (operation.on === 'subscription' && operation.verb !== undefined) {
          this.#subscriptionVerbs.set(`${key}/${operation.verb}`.toLowerCase(), { entry, operation })
        }
      }
      const type = `${key}/${declaration.type.toLowerCase()}`
      if (this.#types.has(type)) throw new Error(`${provider.namespace}/${declaration.type} is declared twice`)
      this.#types.set(type, entry)
    }
  }

  providers(): Iterable<ResourceProvider> {
    return this.#providers.values()
  }

  provider(namespace: string): ResourceProvider | undefined {
    return this.#providers.get(namespace.toLowerCase())
  }

  /** By full type, e.g. `Microsoft.KeyVault/vaults`. */
  type(fullType: string): TypeEntry | undefined {
    return this.#types.get(fullType.toLowerCase())
  }

  job(fullType: string, name: string): Job | undefined {
    const jobs = this.type(fullType)?.declaration.jobs
    return jobs !== undefined && Object.hasOwn(jobs, name) ? jobs[name] : undefined
  }

  /** The operation that a request names, its api-version checked. Throws ArmError 400, 404 or 405. */
  match(method: string, path: RequestPath, apiVersion: string): Match {
    const namespace = path.readings[0].namespace
    if (!this.#providers.has(namespace.toLowerCase())) throw invalidNamespace(namespace)
    let known: { entry: TypeEntry; reading: Reading } | undefined
    for (const reading of path.readings) {
      const found = this.#find(method, reading)
      if (found !== undefined) {
        checkApiVersion(found.entry, apiVersion)
        return { ...found, reading }
      }
      const entry = this.type(`${reading.namespace}/${reading.type}`)
      if (entry !== undefined) known = { entry, reading }
    }
    if (known !== undefined) {
      checkApiVersion(known.entry, apiVersion)
      throw methodNotAllowed(method)
    }
    const { type } = path.readings[0]
    throw namespace === systemNamespace ? noSuchPath(path.text) : invalidType(type, namespace, apiVersion)
  }

  #find(method: string, reading: Reading): { entry: TypeEntry; operation: DeclaredOperation } | undefined {
    if (reading.on === 'subscription' && method === 'POST') {
      const found = this.#subscriptionVerbs.get(`${reading.namespace}/${reading.type}`.toLowerCase())
      if (found !== undefined) return found
    }
    const entry = this.type(`${reading.namespace}/${reading.type}`)
    if (entry === undefined || !mayStandAt(entry, reading)) return undefined
    const operation =
      entry.operations.get(operationKey(method, reading.on, reading.verb)) ??
      // Whatever can be read can be asked about: "check existence" in the SDKs.
      (method === 'HEAD' && reading.on === 'resource'
        ? entry.operations.get(operationKey('GET', 'resource'))
        : undefined)
    return operation === undefined ? undefined : { entry, operation }
  }
}

/** Only extension types stand on other resources, only they and the tenant's own outside a subscription; a group's collection is not the subscription's. */
function mayStandAt(entry: TypeEntry, reading: Reading): boolean {
  if (entry.declaration.anyScope === true) return true
  if (entry.declaration.inTenant === true) {
    return reading.id.scope === undefined && reading.id.subscriptionId === undefined
  }
  // Groups, subscriptions: their paths have no `/providers/Microsoft.Resources/`.
  if (entry.namespace === systemNamespace) return reading.id.namespace === undefined
  if (reading.id.scope !== undefined || reading.id.subscriptionId === undefined) return false
  return reading.on !== 'collection' || reading.id.resourceGroup !== undefined || reading.id.types.length > 1
}

function operationKey(method: string, on: string, verb?: string): string {
  return `${method} ${on} ${verb?.toLowerCase() ?? ''}`
}

function checkApiVersion({ namespace, declaration }: TypeEntry, apiVersion: string): void {
  const { type, apiVersions, locations = [] } = declaration
  if (apiVersions.includes(apiVersion.toLowerCase())) return
  if (namespace === systemNamespace || !/^\d{4}-\d{2}-\d{2}(-[a-z.]+)?$/i.test(apiVersion)) {
    throw invalidApiVersion(apiVersion, apiVersions)
  }
  throw noRegisteredProvider(type, apiVersion, undefined, apiVersions, locations.map(normalizeLocation))
}
