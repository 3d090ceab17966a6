/** The subscriptions of the tenant: the one that the cloud was made with, and those that aliases were created for. */
import type { Resource, ResourceStore } from './resource-store.ts'

export interface Subscription {
  readonly id: string
  readonly displayName: string
  readonly tenantId: string
}

export const aliasType = 'Microsoft.Subscription/aliases'

export class Subscriptions {
  /** The one that the cloud was made with. */
  readonly first: Subscription
  readonly #byId = new Map<string, Subscription>()

  private constructor(first: Subscription) {
    this.first = first
    this.#remember(first)
  }

  static async open(resources: ResourceStore, first: Subscription): Promise<Subscriptions> {
    const subscriptions = new Subscriptions(first)
    for (const alias of await resources.list({ type: aliasType })) subscriptions.remember(alias)
    return subscriptions
  }

  /** By its id, in any case. */
  find(id: string): Subscription | undefined {
    return this.#byId.get(id.toLowerCase())
  }

  all(): readonly Subscription[] {
    return [...this.#byId.values()]
  }

  /** The subscription of an alias, which is there from now on. */
  remember({ properties }: Pick<Resource, 'properties'>): Subscription {
    const subscription = {
      id: String(properties.subscriptionId),
      displayName: String(properties.displayName),
      tenantId: this.first.tenantId,
    }
    this.#remember(subscription)
    return subscription
  }

  #remember(subscription: Subscription): void {
    this.#byId.set(subscription.id.toLowerCase(), subscription)
  }
}
