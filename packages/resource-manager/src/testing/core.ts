/** The parts that every provider stands on, over a real store in a folder, for tests. */
import { randomUUID } from 'node:crypto'
import { join } from 'node:path'
import { AuditTrail, type Authorizer, authorizationMigrations, openAuthorizer } from '@keystead/authorization'
import { type IdentityService, identityMigrations, openIdentityService } from '@keystead/identity'
import { type MasterKey, type MigrationSet, openStore, type Store } from '@keystead/store'
import { resourceManagerMigrations } from '../migrations.ts'
import { openResourceManager, type ResourceManager } from '../service.ts'

export interface TestCoreOptions {
  readonly directory: string
  readonly masterKey: MasterKey
  /** Besides those of the parts here. */
  readonly migrations?: readonly MigrationSet[]
  readonly tenantId: string
  readonly subscription: { readonly id: string; readonly displayName: string }
  /** Milliseconds since the epoch. */
  readonly clock: () => number
  /** When tokens are not to follow {@link clock}. */
  readonly identityClock?: () => number
  readonly log?: (level: 'info' | 'warn' | 'error', message: string, fields?: Record<string, unknown>) => void
}

export interface TestCore {
  readonly store: Store
  readonly authorizer: Authorizer
  readonly identity: IdentityService
  readonly audit: AuditTrail
  readonly auditFile: string
  readonly manager: ResourceManager
  /** Assigns a role, by the guid of its definition, to a service principal. */
  grant(principalId: string, role: string, scope: string): Promise<void>
  close(): Promise<void>
}

export async function openTestCore(options: TestCoreOptions): Promise<TestCore> {
  const { directory, masterKey, tenantId, subscription, clock, identityClock = clock, log = () => {} } = options
  const store = await openStore({
    path: join(directory, 'keystead.db'),
    masterKey,
    migrations: [authorizationMigrations, identityMigrations, resourceManagerMigrations, ...(options.migrations ?? [])],
  })
  const authorizer = await openAuthorizer(store)
  const identity = await openIdentityService({
    store,
    clock: identityClock,
    tenantId,
    identityEndpoint: 'http://127.0.0.1:1/msi/token',
    log,
  })
  const auditFile = join(directory, 'audit.jsonl')
  const audit = new AuditTrail({ file: auditFile, clock })
  const manager = await openResourceManager({
    store,
    authorizer,
    verifier: identity.verifier,
    directory: identity.directory,
    audit,
    subscription: { ...subscription, tenantId },
    clock,
    log,
  })
  return {
    store,
    authorizer,
    identity,
    audit,
    auditFile,
    manager,
    async grant(principalId, role, scope) {
      await authorizer.putAssignment({
        name: randomUUID(),
        scope,
        roleDefinitionName: role,
        principalId,
        principalType: 'ServicePrincipal',
        createdBy: principalId,
        createdOn: clock(),
      })
    },
    async close() {
      await manager.close()
      await identity.close()
      await audit.close()
      await store.close()
    },
  }
}
