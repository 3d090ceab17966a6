/** The keys that sign tokens: their making, keeping (sealed), rotation. */
import type { Store } from '@keystead/store'
import { type CryptoKey, calculateJwkThumbprint, exportJWK, generateKeyPair, importJWK, type JWK } from 'jose'
import { z } from 'zod'
import type { IdentityTables } from './tables.ts'
import { longestTokenSeconds } from './token-lifetimes.ts'

/** The data key of the keyring that private keys are sealed under. */
const dataKey = 'identity:signing-keys'
/** A key signs for this long, then a new one takes over by itself. */
const signingPeriod = 30 * 24 * 3600 * 1000

export interface SigningKey {
  readonly kid: string
  readonly privateKey: CryptoKey
}

interface KnownKey extends SigningKey {
  readonly publicKey: CryptoKey
  readonly publicJwk: JWK
  readonly createdAt: number
  retiredAt: number | undefined
}

const rsaJwk = z.looseObject({ kty: z.literal('RSA'), n: z.string(), e: z.string() })

/** Every key that signs now or whose tokens can still be valid. */
export class SigningKeys {
  readonly #store: Store
  readonly #clock: () => number
  /** Newest first. */
  #keys: KnownKey[] = []
  #rotation: Promise<void> | undefined

  private constructor(store: Store, clock: () => number) {
    this.#store = store
    this.#clock = clock
  }

  /** Reads the keys of the database, and makes the first one. */
  static async open(store: Store, clock: () => number): Promise<SigningKeys> {
    const keys = new SigningKeys(store, clock)
    await store.keyring.create(dataKey)
    const rows = await store
      .database<IdentityTables>()
      .selectFrom('identity_signing_keys')
      .selectAll()
      .orderBy('created_at', 'desc')
      .execute()
    for (const row of rows) {
      const privateJwk = Buffer.from(store.keyring.open(dataKey, row.sealed_private_jwk, row.kid)).toString('utf8')
      keys.#keys.push({
        kid: row.kid,
        privateKey: await importRsa(privateJwk),
        publicKey: await importRsa(row.public_jwk),
        publicJwk: rsaJwk.parse(JSON.parse(row.public_jwk)),
        createdAt: Number(row.created_at),
        retiredAt: row.retired_at === null ? undefined : Number(row.retired_at),
      })
    }
    if (!keys.#keys.some((key) => key.retiredAt === undefined)) await keys.rotate()
    return keys
  }

  /** The key that signs now; one that has signed for long enough is replaced first. */
  async current(): Promise<SigningKey> {
    const newest = this.#keys[0]
    if (!newest || newest.createdAt + signingPeriod <= this.#clock()) await this.rotate()
    const current = this.#keys[0]
    if (!current) throw new Error('no signing key')
    return current
  }

  /** The public key of `kid`, while tokens that it signed can be valid. */
  publicKey(kid: string): CryptoKey | undefined {
    const key = this.#keys.find((candidate) => candidate.kid === kid)
    return key && this.#published(key) ? key.publicKey : undefined
  }

  /** RFC 7517: the published keys, newest first. */
  jwks(): { keys: JWK[] } {
    return {
      keys: this.#keys
        .filter((key) => this.#published(key))
        .map((key) => ({ ...key.publicJwk, use: 'sig', alg: 'RS256', kid: key.kid })),
    }
  }

  /** A new key signs once this has resolved; calls that come while one is under way share it. */
  rotate(): Promise<void> {
    this.#rotation ??= this.#rotate().finally(() => {
      this.#rotation = undefined
    })
    return this.#rotation
  }

  #published(key: KnownKey): boolean {
    return key.retiredAt === undefined || key.retiredAt + longestTokenSeconds * 1000 > this.#clock()
  }

  async #rotate(): Promise<void> {
    const { publicKey, privateKey } = await generateKeyPair('RS256', { modulusLength: 2048, extractable: true })
    const publicJwk = await exportJWK(publicKey)
    const kid = await calculateJwkThumbprint(publicJwk)
    const privateJwk = JSON.stringify(await exportJWK(privateKey))
    const sealed = this.#store.keyring.seal(dataKey, Buffer.from(privateJwk, 'utf8'), kid)
    const now = this.#clock()
    const gone = this.#keys.filter((key) => !this.#published(key)).map((key) => key.kid)
    await this.#store
      .database<IdentityTables>()
      .transaction()
      .execute(async (transaction) => {
        await transaction
          .updateTable('identity_signing_keys')
          .set({ retired_at: now })
          .where('retired_at', 'is', null)
          .execute()
        await transaction
          .insertInto('identity_signing_keys')
          .values({
            kid,
            public_jwk: JSON.stringify(publicJwk),
            sealed_private_jwk: sealed,
            created_at: now,
            retired_at: null,
          })
          .execute()
        if (gone.length > 0) {
          await transaction.deleteFrom('identity_signing_keys').where('kid', 'in', gone).execute()
        }
      })
    for (const key of this.#keys) key.retiredAt ??= now
    this.#keys = [
      { kid, privateKey, publicKey, publicJwk, createdAt: now, retiredAt: undefined },
      ...this.#keys.filter((key) => !gone.includes(key.kid)),
    ]
  }
}

async function importRsa(json: string): Promise<CryptoKey> {
  const key = await importJWK(rsaJwk.parse(JSON.parse(json)), 'RS256')
  if (key instanceof Uint8Array) throw new TypeError('a signing key is not an RSA key')
  return key
}
