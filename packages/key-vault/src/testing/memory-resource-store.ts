/** Resource Manager's store of resources, in memory, for tests of the data plane alone. */
import type { Resource, ResourceStore } from '@keystead/resource-manager'

export class MemoryResourceStore implements ResourceStore {
  readonly #resources = new Map<string, Resource>()
  #changes = 0

  async get(id: string): Promise<Resource | undefined> {
    return this.#resources.get(id.toLowerCase())
  }

  async put(resource: Omit<Resource, 'etag'>): Promise<Resource> {
    this.#changes += 1
    const stored = { ...resource, etag: String(this.#changes) }
    this.#resources.set(resource.id.toLowerCase(), stored)
    return stored
  }

  async delete(id: string): Promise<Resource | undefined> {
    const found = this.#resources.get(id.toLowerCase())
    this.#resources.delete(id.toLowerCase())
    return found
  }

  async findByName(type: string, name: string): Promise<Resource | undefined> {
    return [...this.#resources.values()].find(
      (resource) => resource.type === type && resource.name.toLowerCase() === name.toLowerCase(),
    )
  }

  async list(): Promise<readonly Resource[]> {
    return [...this.#resources.values()]
  }
}
