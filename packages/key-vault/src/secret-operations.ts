/** What each data-plane operation does, once its caller may. */
import type { Keyring } from '@keystead/store'
import { openBackup, sealBackup } from './backup.ts'
import type { Exchange } from './exchange.ts'
import { purgeProtected, secretDisabled } from './key-vault-error.ts'
import { deletedBundle, deletedItem, secretBundle, secretItem, versionItem } from './representation.ts'
import { readJson } from './request-body.ts'
import { type Answer, bodyOf, jsonAnswer } from './response.ts'
import type { Route } from './route.ts'
import type { OpenedSecret } from './secret.ts'
import {
  parseMaxResults,
  parseRestoreBody,
  parseSetBody,
  parseSkipToken,
  parseUpdateBody,
  skipToken,
} from './secret-parameters.ts'
import type { BeforeCommit, Page, SecretRepository } from './secret-repository.ts'
import type { ValueCache } from './value-cache.ts'
import type { Vault } from './vault.ts'

/** Enough for a value of 25 KB with every character escaped, and its tags. */
const maxBodyBytes = 256 * 1024

/** Enough for a backup of several hundred versions of the greatest size. */
const maxRestoreBytes = 32 * 1024 * 1024

/** An allowed request: what it asks, of which vault. */
export interface SecretRequest {
  readonly exchange: Exchange
  readonly vault: Vault
  /** The vault's URL as the caller reached it: ids and links are made of it. */
  readonly base: string
  readonly route: Route
  /** The raw query, without its question mark. */
  readonly query: string
  /** Appends the audit event of a write that is about to be committed. */
  readonly beforeCommit: BeforeCommit
}

export class SecretOperations {
  readonly #repository: SecretRepository
  readonly #cache: ValueCache
  readonly #keyring: Keyring

  constructor(options: {
    readonly repository: SecretRepository
    readonly cache: ValueCache
    readonly keyring: Keyring
  }) {
    this.#repository = options.repository
    this.#cache = options.cache
    this.#keyring = options.keyring
  }

  /** Without a promise where the answer is at hand. Throws or rejects with {@link KeyVaultError}. */
  run(request: SecretRequest): Answer | Promise<Answer> {
    switch (request.route.operation.name) {
      case 'SecretGet':
        return this.#get(request)
      case 'SecretSet':
        return this.#set(request)
      case 'SecretUpdate':
        return this.#update(request)
      case 'SecretDelete':
        return this.#delete(request)
      case 'SecretList':
        return this.#list(request)
      case 'SecretListVersions':
        return this.#listVersions(request)
      case 'SecretListDeleted':
        return this.#listDeleted(request)
      case 'SecretGetDeleted':
        return this.#getDeleted(request)
      case 'SecretRecover':
        return this.#recover(request)
      case 'SecretPurge':
        return this.#purge(request)
      case 'SecretBackup':
        return this.#backup(request)
      case 'SecretRestore':
        return this.#restore(request)
    }
  }

  #get(request: SecretRequest): Answer | Promise<Answer> {
    const { vault, base, route } = request
    const body = this.#cache.get(vault.id, route.name, route.version, base)
    return body === undefined ? this.#read(request) : { status: 200, body }
  }

  #read({ vault, base, route }: SecretRequest): Answer | Promise<Answer> {
    const mark = this.#cache.mark()
    const answer = (secret: OpenedSecret): Answer => {
      if (!secret.enabled) throw secretDisabled()
      const body = bodyOf(JSON.stringify(secretBundle(vault, base, secret)))
      this.#cache.put(mark, vault.id, route.name, route.version, base, body)
      return { status: 200, body }
    }
    const secret = this.#repository.get(vault, route.name, route.version)
    return secret instanceof Promise ? secret.then(answer) : answer(secret)
  }

  async #set({ exchange, vault, base, route, beforeCommit }: SecretRequest): Promise<Answer> {
    const input = parseSetBody(await readJson(exchange.request, maxBodyBytes))
    const secret = await this.#repository.set(vault, route.name, input, beforeCommit)
    this.#cache.forget(vault.id, route.name)
    return jsonAnswer(200, secretBundle(vault, base, secret))
  }

  async #update({ exchange, vault, base, route, beforeCommit }: SecretRequest): Promise<Answer> {
    const change = parseUpdateBody(await readJson(exchange.request, maxBodyBytes))
    const version = await this.#repository.update(vault, route.name, route.version, change, beforeCommit)
    this.#cache.forget(vault.id, route.name)
    return jsonAnswer(200, versionItem(vault, base, version))
  }

  async #delete({ vault, base, route, beforeCommit }: SecretRequest): Promise<Answer> {
    const deleted = await this.#repository.delete(vault, route.name, beforeCommit)
    this.#cache.forget(vault.id, route.name)
    return jsonAnswer(200, deletedBundle(vault, base, deleted))
  }

  async #list(request: SecretRequest): Promise<Answer> {
    const { vault, base } = request
    const query = new URLSearchParams(request.query)
    const limit = parseMaxResults(query.get('maxresults'))
    const page = await this.#repository.list(vault, parseSkipToken(query.get('$skiptoken')), limit)
    return nextPage(base, query, 'secrets', page, (secret) => secretItem(vault, base, secret))
  }

  async #listVersions(request: SecretRequest): Promise<Answer> {
    const { vault, base, route } = request
    const query = new URLSearchParams(request.query)
    const limit = parseMaxResults(query.get('maxresults'))
    const after = parseSkipToken(query.get('$skiptoken'))
    const page = await this.#repository.listVersions(vault, route.name, after, limit)
    return nextPage(base, query, `secrets/${route.name}/versions`, page, (version) => versionItem(vault, base, version))
  }

  async #listDeleted(request: SecretRequest): Promise<Answer> {
    const { vault, base } = request
    const query = new URLSearchParams(request.query)
    const limit = parseMaxResults(query.get('maxresults'))
    const page = await this.#repository.listDeleted(vault, parseSkipToken(query.get('$skiptoken')), limit)
    return nextPage(base, query, 'deletedsecrets', page, (secret) => deletedItem(vault, base, secret))
  }

  async #getDeleted({ vault, base, route }: SecretRequest): Promise<Answer> {
    return jsonAnswer(200, deletedBundle(vault, base, await this.#repository.getDeleted(vault, route.name)))
  }

  async #recover({ vault, base, route, beforeCommit }: SecretRequest): Promise<Answer> {
    const secret = await this.#repository.recover(vault, route.name, beforeCommit)
    this.#cache.forget(vault.id, route.name)
    return jsonAnswer(200, versionItem(vault, base, secret))
  }

  async #purge({ vault, route, beforeCommit }: SecretRequest): Promise<Answer> {
    if (vault.properties.enablePurgeProtection === true) {
      await this.#repository.getDeleted(vault, route.name)
      throw purgeProtected(vault.label)
    }
    await this.#repository.purge(vault, route.name, beforeCommit)
    this.#cache.forget(vault.id, route.name)
    return { status: 204 }
  }

  async #backup({ vault, route }: SecretRequest): Promise<Answer> {
    const versions = await this.#repository.allVersions(vault, route.name)
    return jsonAnswer(200, { value: sealBackup(this.#keyring, vault, versions) })
  }

  async #restore({ exchange, vault, base, beforeCommit }: SecretRequest): Promise<Answer> {
    const blob = parseRestoreBody(await readJson(exchange.request, maxRestoreBytes))
    const versions = openBackup(this.#keyring, vault, blob)
    exchange.resource = `${vault.resourceId}/secrets/${versions[0].name}`
    const secret = await this.#repository.restore(vault, versions, beforeCommit)
    this.#cache.forget(vault.id, secret.name)
    return jsonAnswer(200, versionItem(vault, base, secret))
  }
}

function nextPage<T>(
  base: string,
  query: URLSearchParams,
  path: string,
  page: Page<T>,
  item: (entry: T) => unknown,
): Answer {
  const version = encodeURIComponent(query.get('api-version') ?? '')
  const most = query.get('maxresults')
  const nextLink =
    page.next === undefined
      ? null
      : `${base}/${path}?api-version=${version}&$skiptoken=${skipToken(page.next)}${most === null ? '' : `&maxresults=${most}`}`
  return jsonAnswer(200, { value: page.items.map(item), nextLink })
}
