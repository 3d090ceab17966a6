/** What the platform process asks of the core: a replica's way to tokens, and certificates for apps' hosts. */
import { createSecureContext, type SecureContext } from 'node:tls'
import type { IdentityRegistry } from './identity-tokens.ts'
import type { FromPlatform, ToPlatform } from './messages.ts'

type Answer = Extract<ToPlatform, { readonly kind: 'registered' | 'certificate' }>
type Call =
  | { readonly kind: 'register'; readonly replicaId: string; readonly identities: string[] }
  | { readonly kind: 'certify'; readonly host: string }

/** As many hosts as are likely to be asked for at a time. */
const mostContexts = 256

export class CoreCalls implements IdentityRegistry {
  readonly #send: (message: FromPlatform) => void
  readonly #clock: () => number
  readonly #pending = new Map<number, PromiseWithResolvers<Answer>>()
  readonly #contexts = new Map<string, { readonly context: SecureContext; readonly renewAt: number }>()
  #lastId = 0

  constructor(send: (message: FromPlatform) => void, clock: () => number) {
    this.#send = send
    this.#clock = clock
  }

  async register(replicaId: string, identities: readonly string[]): Promise<{ endpoint: string; header: string }> {
    const { endpoint, header } = (await this.#ask({
      kind: 'register',
      replicaId,
      identities: [...identities],
    })) as Extract<Answer, { kind: 'registered' }>
    return { endpoint, header }
  }

  unregister(replicaId: string): void {
    this.#send({ kind: 'unregister', replicaId })
  }

  /** Rejects for a host that gets no certificate. */
  async secureContext(host: string): Promise<SecureContext> {
    const kept = this.#contexts.get(host)
    if (kept && this.#clock() < kept.renewAt) return kept.context
    const { certificatePem, privateKeyPem, renewAt } = (await this.#ask({ kind: 'certify', host })) as Extract<
      Answer,
      { kind: 'certificate' }
    >
    const context = createSecureContext({ cert: certificatePem, key: privateKeyPem, minVersion: 'TLSv1.2' })
    this.#contexts.delete(host)
    this.#contexts.set(host, { context, renewAt })
    for (const oldest of this.#contexts.keys()) {
      if (this.#contexts.size <= mostContexts) break
      this.#contexts.delete(oldest)
    }
    return context
  }

  answered(answer: Answer): void {
    this.#take(answer.id)?.resolve(answer)
  }

  refused(id: number, message: string): void {
    this.#take(id)?.reject(new Error(message))
  }

  #ask(call: Call): Promise<Answer> {
    const id = ++this.#lastId
    const pending = Promise.withResolvers<Answer>()
    this.#pending.set(id, pending)
    this.#send({ ...call, id })
    return pending.promise
  }

  #take(id: number): PromiseWithResolvers<Answer> | undefined {
    const pending = this.#pending.get(id)
    this.#pending.delete(id)
    return pending
  }
}
