/** What the caller of Microsoft Graph may do: by its directory roles, by what it owns, else nothing but read itself. */
import type { Caller } from '../caller.ts'
import type { DirectoryObjects } from '../directory/directory-objects.ts'
import type { DirectoryRight } from '../directory/directory-roles.ts'
import { graphErrors } from './graph-error.ts'

export class GraphAccess {
  readonly caller: Caller
  readonly #objects: DirectoryObjects
  readonly #rights: ReadonlySet<DirectoryRight>

  constructor(caller: Caller, objects: DirectoryObjects) {
    this.caller = caller
    this.#objects = objects
    this.#rights = objects.parts.roles.rightsOf(caller.objectId)
  }

  /** Member users may read the directory, as Entra's default user permissions have it; applications need a role. */
  get mayRead(): boolean {
    return this.caller.kind === 'user' || this.#rights.has('read')
  }

  isSelf(objectId: string): boolean {
    return objectId === this.caller.objectId
  }

  requireRead(objectId?: string): void {
    if (!this.mayRead && !(objectId !== undefined && this.isSelf(objectId))) throw graphErrors.denied()
  }

  require(right: DirectoryRight): void {
    if (!this.#rights.has(right)) throw graphErrors.denied()
  }

  /** Users may register applications and make groups, which they own then (Entra's default user permissions). */
  requireCreate(right: 'applications' | 'groups'): void {
    if (this.caller.kind !== 'user') this.require(right)
  }

  /** An administrator of its kind, or an owner. */
  async requireManage(right: 'applications' | 'groups', objectId: string): Promise<void> {
    if (this.#rights.has(right)) return
    if (!(await this.#objects.parts.owners.of(objectId)).includes(this.caller.objectId)) throw graphErrors.denied()
  }

  /** Whoever holds a directory role is changed by those only who may give that role, or by itself. */
  requirePrivilegeOver(objectId: string): void {
    if (this.isSelf(objectId) || this.#rights.has('privileged')) return
    if (this.#objects.parts.roles.holdsAny(objectId)) throw graphErrors.denied()
  }
}
