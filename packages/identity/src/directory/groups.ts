/** Groups with their members: durable, read from memory because every decision asks for the caller's groups. */
import { randomUUID } from 'node:crypto'
import type { Store } from '@keystead/store'
import { DirectoryError } from '../directory-error.ts'
import type { GroupRow, IdentityTables } from '../tables.ts'

export interface GroupInput {
  readonly displayName: string
  readonly properties: Readonly<Record<string, unknown>>
}

const none: readonly string[] = []

export class Groups {
  readonly #database
  readonly #clock: () => number
  readonly #groups = new Map<string, GroupRow>()
  readonly #members = new Map<string, Set<string>>()
  readonly #direct = new Map<string, Set<string>>()
  /** Direct and indirect groups by member; emptied by every change of a membership. */
  readonly #effective = new Map<string, readonly string[]>()

  private constructor(store: Store, clock: () => number) {
    this.#database = store.database<IdentityTables>()
    this.#clock = clock
  }

  static async open(store: Store, clock: () => number): Promise<Groups> {
    const groups = new Groups(store, clock)
    for (const row of await groups.#database.selectFrom('identity_groups').selectAll().execute()) {
      groups.#groups.set(row.object_id, row)
    }
    for (const row of await groups.#database.selectFrom('identity_group_members').selectAll().execute()) {
      groups.#link(row.group_id, row.member_id)
    }
    return groups
  }

  get(objectId: string): GroupRow | undefined {
    return this.#groups.get(objectId.toLowerCase())
  }

  all(): Iterable<GroupRow> {
    return this.#groups.values()
  }

  /** Object ids of a group's direct members. */
  membersOf(groupId: string): readonly string[] {
    return [...(this.#members.get(groupId) ?? none)]
  }

  directGroupsOf(memberId: string): readonly string[] {
    return [...(this.#direct.get(memberId) ?? none)]
  }

  /** The groups that an object is in, directly or through other groups; the same array until a membership changes. */
  groupsOf(memberId: string): readonly string[] {
    if (this.#direct.size === 0) return none
    const known = this.#effective.get(memberId)
    if (known) return known
    const found = new Set<string>()
    const open = [...(this.#direct.get(memberId) ?? none)]
    for (let group = open.pop(); group !== undefined; group = open.pop()) {
      if (found.has(group)) continue
      found.add(group)
      open.push(...(this.#direct.get(group) ?? none))
    }
    const groups = found.size === 0 ? none : [...found]
    if (this.#effective.size >= 100_000) this.#effective.clear()
    this.#effective.set(memberId, groups)
    return groups
  }

  async create(input: GroupInput): Promise<GroupRow> {
    const row: GroupRow = {
      object_id: randomUUID(),
      display_name: input.displayName,
      properties: JSON.stringify(input.properties),
      created_at: this.#clock(),
    }
    await this.#database.insertInto('identity_groups').values(row).execute()
    this.#groups.set(row.object_id, row)
    return row
  }

  async update(objectId: string, input: GroupInput): Promise<void> {
    const row = this.#groups.get(objectId)
    if (!row) return
    const values = { display_name: input.displayName, properties: JSON.stringify(input.properties) }
    await this.#database.updateTable('identity_groups').set(values).where('object_id', '=', objectId).execute()
    if (this.#groups.has(objectId)) this.#groups.set(objectId, { ...row, ...values })
  }

  async delete(objectId: string): Promise<boolean> {
    if (!this.#groups.has(objectId)) return false
    await this.#database.transaction().execute(async (transaction) => {
      await transaction.deleteFrom('identity_groups').where('object_id', '=', objectId).execute()
      await transaction
        .deleteFrom('identity_group_members')
        .where((row) => row.or([row('group_id', '=', objectId), row('member_id', '=', objectId)]))
        .execute()
    })
    this.#unlinkAll(objectId)
    return this.#groups.delete(objectId)
  }

  /** Throws `DirectoryError` `conflict` for a member that is one already. */
  async addMember(groupId: string, memberId: string): Promise<void> {
    if (groupId === memberId) throw new DirectoryError('invalid', 'A group cannot be a member of itself.')
    if (this.#members.get(groupId)?.has(memberId)) {
      throw new DirectoryError(
        'conflict',
        "One or more added object references already exist for the following modified properties: 'members'.",
      )
    }
    await this.#database
      .insertInto('identity_group_members')
      .values({ group_id: groupId, member_id: memberId })
      .onConflict((conflict) => conflict.doNothing())
      .execute()
    if (this.#groups.has(groupId)) this.#link(groupId, memberId)
  }

  async removeMember(groupId: string, memberId: string): Promise<boolean> {
    const result = await this.#database
      .deleteFrom('identity_group_members')
      .where('group_id', '=', groupId)
      .where('member_id', '=', memberId)
      .executeTakeFirst()
    this.#unlink(groupId, memberId)
    return result.numDeletedRows > 0n
  }

  /** A deleted principal is in no group. */
  async forget(memberId: string): Promise<void> {
    await this.#database.deleteFrom('identity_group_members').where('member_id', '=', memberId).execute()
    this.#unlinkAll(memberId)
  }

  #link(groupId: string, memberId: string): void {
    setOf(this.#members, groupId).add(memberId)
    setOf(this.#direct, memberId).add(groupId)
    this.#effective.clear()
  }

  #unlink(groupId: string, memberId: string): void {
    this.#members.get(groupId)?.delete(memberId)
    const groups = this.#direct.get(memberId)
    groups?.delete(groupId)
    if (groups?.size === 0) this.#direct.delete(memberId)
    this.#effective.clear()
  }

  #unlinkAll(objectId: string): void {
    for (const member of this.membersOf(objectId)) this.#unlink(objectId, member)
    for (const group of this.directGroupsOf(objectId)) this.#unlink(group, objectId)
    this.#members.delete(objectId)
  }
}

function setOf(map: Map<string, Set<string>>, key: string): Set<string> {
  let set = map.get(key)
  if (!set) {
    set = new Set()
    map.set(key, set)
  }
  return set
}
