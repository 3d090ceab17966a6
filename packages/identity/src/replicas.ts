/** Replicas of apps, known by the digest of their header secret. */
import { randomBytes } from 'node:crypto'
import type { Store } from '@keystead/store'
import { z } from 'zod'
import { sameDigest, sha256 } from './digest.ts'
import type { ManagedIdentity } from './directory.ts'
import { DirectoryError } from './directory-error.ts'
import type { ManagedIdentities } from './managed-identities.ts'
import type { IdentityTables } from './tables.ts'

export interface Replica {
  readonly replicaId: string
  readonly headerDigest: string
  readonly identityResourceIds: readonly string[]
}

const resourceIdsSchema = z.array(z.string())
/** Longer than any header of ours; what is longer is refused before it is hashed. */
const longestHeader = 256

export class Replicas {
  readonly #database
  readonly #byId = new Map<string, Replica>()
  readonly #byDigest = new Map<string, Replica>()

  private constructor(store: Store) {
    this.#database = store.database<IdentityTables>()
  }

  static async open(store: Store): Promise<Replicas> {
    const replicas = new Replicas(store)
    for (const row of await replicas.#database.selectFrom('identity_replicas').selectAll().execute()) {
      replicas.#remember({
        replicaId: row.replica_id,
        headerDigest: row.header_digest,
        identityResourceIds: resourceIdsSchema.parse(JSON.parse(row.identity_resource_ids)),
      })
    }
    return replicas
  }

  /** Answers the header secret: it is told here only. */
  async register(replicaId: string, identityResourceIds: readonly string[]): Promise<string> {
    // The proxy credentials are `replicaId:header`, so the id cannot have a colon (RFC 7617 section 2).
    if (!/^[\w.-]{1,128}$/.test(replicaId)) {
      throw new DirectoryError('invalid', 'A replica id is 1 to 128 letters, digits, dots, dashes or underscores.')
    }
    const header = randomBytes(32).toString('base64url')
    const replica: Replica = {
      replicaId,
      headerDigest: sha256(header),
      identityResourceIds: [...identityResourceIds],
    }
    const values = {
      header_digest: replica.headerDigest,
      identity_resource_ids: JSON.stringify(replica.identityResourceIds),
    }
    await this.#database
      .insertInto('identity_replicas')
      .values({ replica_id: replicaId, ...values })
      .onConflict((conflict) => conflict.column('replica_id').doUpdateSet(values))
      .execute()
    this.#forget(replicaId)
    this.#remember(replica)
    return header
  }

  async remove(replicaId: string): Promise<boolean> {
    const result = await this.#database
      .deleteFrom('identity_replicas')
      .where('replica_id', '=', replicaId)
      .executeTakeFirst()
    this.#forget(replicaId)
    return result.numDeletedRows > 0n
  }

  byId(replicaId: string): Replica | undefined {
    return this.#byId.get(replicaId)
  }

  /** The replica whose header this is. The index is by digest, so that its timing tells nothing of the header. */
  byHeader(header: string): Replica | undefined {
    if (header.length > longestHeader) return undefined
    const digest = sha256(header)
    const replica = this.#byDigest.get(digest)
    return replica && sameDigest(replica.headerDigest, digest) ? replica : undefined
  }

  /** The replica of this id, if the header is its own. */
  byCredentials(replicaId: string, header: string): Replica | undefined {
    const replica = this.byHeader(header)
    return replica?.replicaId === replicaId ? replica : undefined
  }

  #remember(replica: Replica): void {
    this.#byId.set(replica.replicaId, replica)
    this.#byDigest.set(replica.headerDigest, replica)
  }

  #forget(replicaId: string): void {
    const replica = this.#byId.get(replicaId)
    if (!replica) return
    this.#byId.delete(replicaId)
    this.#byDigest.delete(replica.headerDigest)
  }
}

/** The identities of a replica that exist now. */
export function identitiesOf(replica: Replica, identities: ManagedIdentities): ManagedIdentity[] {
  return replica.identityResourceIds.flatMap((resourceId) => identities.get(resourceId) ?? [])
}
