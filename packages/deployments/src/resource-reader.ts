/** `reference` and `list…` over resources as they are: an evaluation is begun again when an answer that it lacked is there. */
import { type ResourceReader, UnknownResource } from './expression/scope.ts'
import { isObject, type ObjectValue } from './expression/values.ts'
import { finder } from './template/dependencies.ts'
import type { PlannedResource } from './template/plan.ts'
import { referenceNotFound } from './template-error.ts'

/** Asks as the caller of the deployment. Rejects with ArmError. */
export interface Asker {
  get(id: string, apiVersion: string): Promise<unknown>
  list(id: string, verb: string, apiVersion: string, body: unknown): Promise<unknown>
}

/** An evaluation that needs an answer first. Not an error that anybody sees. */
export class NotYetKnown extends Error {
  override readonly name = 'NotYetKnown'
  readonly ask: () => Promise<void>
  constructor(ask: () => Promise<void>) {
    super('A resource has to be asked first.')
    this.ask = ask
  }
}

/** Evaluates, asks what was missing, and evaluates again until nothing is missing. */
export async function whenKnown<T>(work: () => T): Promise<T> {
  for (;;) {
    try {
      return work()
    } catch (error) {
      if (!(error instanceof NotYetKnown)) throw error
      await error.ask()
    }
  }
}

/** Evaluates as far as nothing has to be asked; undefined where something has. */
export function ifKnown<T>(work: () => T): T | undefined {
  try {
    return work()
  } catch (error) {
    if (error instanceof NotYetKnown) return undefined
    throw error
  }
}

export class LiveReader implements ResourceReader {
  readonly #find: (name: string) => readonly PlannedResource[]
  readonly #asker: Asker
  readonly #keepUnknown: boolean
  readonly #answers = new Map<string, unknown>()
  /** Whether an expression was left as it was written. */
  keptUnknown = false

  /** `keepUnknown`: what the asker answers with undefined leaves the expression that asked as it is. */
  constructor(
    resources: readonly PlannedResource[],
    asker: Asker,
    { keepUnknown = false }: { readonly keepUnknown?: boolean } = {},
  ) {
    this.#find = finder(resources)
    this.#asker = asker
    this.#keepUnknown = keepUnknown
  }

  reference(nameOrId: string, apiVersion: string | undefined, full: boolean): unknown {
    const target = this.#target(nameOrId, apiVersion)
    return this.#shown(target.id, target.apiVersion, full)
  }

  references(symbolicName: string, full: boolean): unknown {
    const found = this.#find(symbolicName)
    if (found.length === 0) throw referenceNotFound(symbolicName)
    return found.map(({ id, apiVersion }) => this.#shown(id, apiVersion, full))
  }

  list(verb: string, nameOrId: string, apiVersion: string | undefined, body: unknown): unknown {
    const target = this.#target(nameOrId, apiVersion)
    return this.#answer(`${verb} ${target.id} ${target.apiVersion} ${JSON.stringify(body)}`, () =>
      this.#asker.list(target.id, verb, target.apiVersion, body),
    )
  }

  #target(nameOrId: string, apiVersion: string | undefined): { readonly id: string; readonly apiVersion: string } {
    const [found] = this.#find(nameOrId)
    if (found !== undefined) return { id: found.id, apiVersion: apiVersion ?? found.apiVersion }
    if (!nameOrId.startsWith('/') || apiVersion === undefined) throw referenceNotFound(nameOrId)
    return { id: nameOrId, apiVersion }
  }

  #shown(id: string, apiVersion: string, full: boolean): unknown {
    const resource = this.#answer(`GET ${id} ${apiVersion}`, () => this.#asker.get(id, apiVersion))
    if (!isObject(resource)) return null
    return full ? fullForm(resource, id, apiVersion) : (resource.properties ?? {})
  }

  #answer(key: string, ask: () => Promise<unknown>): unknown {
    if (!this.#answers.has(key)) {
      throw new NotYetKnown(async () => {
        this.#answers.set(key, await ask())
      })
    }
    const answer = this.#answers.get(key)
    if (answer !== undefined || !this.#keepUnknown) return answer ?? null
    this.keptUnknown = true
    throw new UnknownResource()
  }
}

/** The resource object that `'Full'` gives. */
function fullForm({ id: _id, name: _name, type: _type, ...resource }: ObjectValue, id: string, apiVersion: string) {
  const [, subscription, subscriptionId, groups, group] = id.split('/')
  return {
    apiVersion,
    ...resource,
    condition: true,
    referenceApiVersion: apiVersion,
    ...(subscription?.toLowerCase() === 'subscriptions' && { subscriptionId }),
    ...(groups?.toLowerCase() === 'resourcegroups' && { resourceGroupName: group }),
    resourceId: id.split('/providers/').at(-1),
    scope: '',
    isConditionTrue: true,
    isTemplateResource: false,
    isAction: false,
    provisioningOperation: 'Read',
  }
}
