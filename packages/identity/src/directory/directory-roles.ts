/** Entra's directory roles, as far as they decide here: who may read and change which objects of the directory. */
import { randomUUID } from 'node:crypto'
import type { Store } from '@keystead/store'
import type { DirectoryRoleAssignmentRow, IdentityTables } from '../tables.ts'

/** What a role lets its holder do in the directory. `privileged`: change who holds a role, and principals that hold one. */
export type DirectoryRight = 'read' | 'applications' | 'users' | 'groups' | 'roles' | 'privileged'

export interface DirectoryRole {
  /** The template id, the same in every tenant ("Microsoft Entra built-in roles"). */
  readonly id: string
  readonly displayName: string
  readonly description: string
  readonly rights: readonly DirectoryRight[]
}

export const globalAdministrator = '62e90394-69f5-4237-9190-012177145e10'

export const directoryRoles: readonly DirectoryRole[] = [
  {
    id: globalAdministrator,
    displayName: 'Global Administrator',
    description: 'May do everything in the directory.',
    rights: ['read', 'applications', 'users', 'groups', 'roles', 'privileged'],
  },
  {
    id: '9b895d92-2cd3-44c7-9d02-a6ac2d5ea5c3',
    displayName: 'Application Administrator',
    description: 'May manage applications and service principals.',
    rights: ['read', 'applications'],
  },
  {
    id: '158c047a-c907-4556-b7ef-446551a6b5f7',
    displayName: 'Cloud Application Administrator',
    description: 'May manage applications and service principals.',
    rights: ['read', 'applications'],
  },
  {
    id: 'fe930be7-5e62-47db-91af-98c3a49a38b1',
    displayName: 'User Administrator',
    description: 'May manage users and groups.',
    rights: ['read', 'users', 'groups'],
  },
  {
    id: 'fdd7a751-b60b-444a-984c-02652fe8fa1c',
    displayName: 'Groups Administrator',
    description: 'May manage groups and their members.',
    rights: ['read', 'groups'],
  },
  {
    id: 'e8611ab8-c189-46e8-94e1-60213ab1f814',
    displayName: 'Privileged Role Administrator',
    description: 'May manage who holds a directory role.',
    rights: ['read', 'roles', 'privileged'],
  },
  {
    id: '88d8e3e3-8f55-4a1e-953a-9b9898b8876b',
    displayName: 'Directory Readers',
    description: 'May read the directory.',
    rights: ['read'],
  },
]

export function directoryRole(id: string): DirectoryRole | undefined {
  return directoryRoles.find((role) => role.id === id.toLowerCase())
}

/** Who holds which role: durable, read from memory. */
export class DirectoryRoleAssignments {
  readonly #database
  readonly #byId = new Map<string, DirectoryRoleAssignmentRow>()

  private constructor(store: Store) {
    this.#database = store.database<IdentityTables>()
  }

  static async open(store: Store): Promise<DirectoryRoleAssignments> {
    const assignments = new DirectoryRoleAssignments(store)
    const rows = await assignments.#database.selectFrom('identity_directory_role_assignments').selectAll().execute()
    for (const row of rows) assignments.#byId.set(row.id, row)
    return assignments
  }

  all(): readonly DirectoryRoleAssignmentRow[] {
    return [...this.#byId.values()]
  }

  get(id: string): DirectoryRoleAssignmentRow | undefined {
    return this.#byId.get(id)
  }

  holdsAny(principalId: string): boolean {
    return this.all().some((row) => row.principal_id === principalId)
  }

  rightsOf(principalId: string): Set<DirectoryRight> {
    const rights = new Set<DirectoryRight>()
    for (const row of this.all()) {
      if (row.principal_id !== principalId) continue
      for (const right of directoryRole(row.role_id)?.rights ?? []) rights.add(right)
    }
    return rights
  }

  isAssigned(roleId: string): boolean {
    return this.all().some((row) => row.role_id === roleId)
  }

  find(principalId: string, roleId: string): DirectoryRoleAssignmentRow | undefined {
    return this.all().find((row) => row.principal_id === principalId && row.role_id === roleId)
  }

  /** The same assignment again is the one that there is. */
  async assign(principalId: string, roleId: string): Promise<DirectoryRoleAssignmentRow> {
    const existing = this.find(principalId, roleId)
    if (existing) return existing
    const row = { id: randomUUID(), principal_id: principalId, role_id: roleId }
    await this.#database.insertInto('identity_directory_role_assignments').values(row).execute()
    this.#byId.set(row.id, row)
    return row
  }

  async remove(id: string): Promise<boolean> {
    await this.#database.deleteFrom('identity_directory_role_assignments').where('id', '=', id).execute()
    return this.#byId.delete(id)
  }

  /** A deleted principal holds none. */
  async forget(principalId: string): Promise<void> {
    await this.#database
      .deleteFrom('identity_directory_role_assignments')
      .where('principal_id', '=', principalId)
      .execute()
    for (const row of this.all()) if (row.principal_id === principalId) this.#byId.delete(row.id)
  }
}
