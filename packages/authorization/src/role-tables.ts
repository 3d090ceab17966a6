/** Roles and assignments in the database. */
import type { Kysely } from 'kysely'
import type { AuthorizationTables } from './migrations.ts'
import type { RoleAssignment, RoleDefinition } from './roles.ts'
import { scopeKey } from './scope.ts'

export class RoleTables {
  readonly #db: Kysely<AuthorizationTables>

  constructor(db: Kysely<AuthorizationTables>) {
    this.#db = db
  }

  async roleDefinitions(): Promise<RoleDefinition[]> {
    const rows = await this.#db.selectFrom('role_definitions').select('definition').execute()
    return rows.map(({ definition }) => JSON.parse(definition) as RoleDefinition)
  }

  async putRoleDefinition(definition: RoleDefinition): Promise<void> {
    const json = JSON.stringify(definition)
    await this.#db
      .insertInto('role_definitions')
      .values({ name: definition.name.toLowerCase(), definition: json })
      .onConflict((conflict) => conflict.column('name').doUpdateSet({ definition: json }))
      .execute()
  }

  async deleteRoleDefinition(name: string): Promise<void> {
    await this.#db.deleteFrom('role_definitions').where('name', '=', name.toLowerCase()).execute()
  }

  async assignments(): Promise<RoleAssignment[]> {
    const rows = await this.#db.selectFrom('role_assignments').selectAll().execute()
    return rows.map((row) => ({
      name: row.name,
      scope: row.scope,
      roleDefinitionName: row.role_definition_name,
      principalId: row.principal_id,
      principalType: row.principal_type as RoleAssignment['principalType'],
      ...(row.description === null ? {} : { description: row.description }),
      createdBy: row.created_by,
      createdOn: Number(row.created_on),
    }))
  }

  async putAssignment(assignment: RoleAssignment): Promise<void> {
    await this.#db
      .insertInto('role_assignments')
      .values({
        scope_key: scopeKey(assignment.scope),
        name: assignment.name.toLowerCase(),
        scope: assignment.scope,
        role_definition_name: assignment.roleDefinitionName.toLowerCase(),
        principal_id: assignment.principalId.toLowerCase(),
        principal_type: assignment.principalType,
        description: assignment.description ?? null,
        created_by: assignment.createdBy,
        created_on: assignment.createdOn,
      })
      .onConflict((conflict) =>
        conflict.columns(['scope_key', 'name']).doUpdateSet({ description: assignment.description ?? null }),
      )
      .execute()
  }

  /** All of them or none. */
  async deleteAssignments(assignments: readonly RoleAssignment[]): Promise<void> {
    await this.#db.transaction().execute(async (transaction) => {
      for (const assignment of assignments) {
        await transaction
          .deleteFrom('role_assignments')
          .where('scope_key', '=', scopeKey(assignment.scope))
          .where('name', '=', assignment.name.toLowerCase())
          .execute()
      }
    })
  }
}
