/** Asks the core for a replica's way to tokens. */
import type { IdentityRegistry } from './key-vault-references.ts'
import type { FromPlatform } from './messages.ts'

interface Registered {
  readonly endpoint: string
  readonly header: string
}

export class Registrations implements IdentityRegistry {
  readonly #send: (message: FromPlatform) => void
  readonly #pending = new Map<number, PromiseWithResolvers<Registered>>()
  #lastId = 0

  constructor(send: (message: FromPlatform) => void) {
    this.#send = send
  }

  register(replicaId: string, identities: readonly string[]): Promise<Registered> {
    const id = ++this.#lastId
    const pending = Promise.withResolvers<Registered>()
    this.#pending.set(id, pending)
    this.#send({ kind: 'register', id, replicaId, identities: [...identities] })
    return pending.promise
  }

  unregister(replicaId: string): void {
    this.#send({ kind: 'unregister', replicaId })
  }

  registered(id: number, { endpoint, header }: Registered): void {
    this.#take(id)?.resolve({ endpoint, header })
  }

  failed(id: number, message: string): void {
    this.#take(id)?.reject(new Error(message))
  }

  #take(id: number): PromiseWithResolvers<Registered> | undefined {
    const pending = this.#pending.get(id)
    this.#pending.delete(id)
    return pending
  }
}
