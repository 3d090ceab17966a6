/** Walks one decision link by link: who, where, from where, by which right, and the state of what is asked for. */
import { type Authorizer, commandLine, type Decision, mendingCommand } from '@keystead/authorization'
import type { Directory, FoundPrincipal } from '@keystead/identity'
import type { Inspector, VaultInspection } from '@keystead/key-vault'
import { existingScope, locksAgainst, parseResourceId, type ResourceStore } from '@keystead/resource-manager'
import { assignableStorageScope, type StorageInspector } from '@keystead/storage'
import { type AskedAction, creates, deletes, readAction, readsSecret } from './asked-action.ts'
import type { ExplainRequest, Explanation, Link } from './explanation.ts'

export interface ExplainerParts {
  readonly principals: Directory
  readonly authorizer: Authorizer
  readonly resources: ResourceStore
  readonly vaults: Inspector
  readonly storage: StorageInspector
}

/** What can not be explained, since it is not a question. */
export class ExplainError extends Error {
  override readonly name = 'ExplainError'
}

const vaultPath = /\/providers\/Microsoft\.KeyVault\/vaults\/([^/]+)(?:\/secrets\/([^/]+))?/i

export class Explainer {
  readonly #parts: ExplainerParts

  constructor(parts: ExplainerParts) {
    this.#parts = parts
  }

  /** Rejects with {@link ExplainError}. */
  async explain(request: ExplainRequest): Promise<Explanation> {
    const asked = readAction(request.action)
    if (asked === undefined) {
      throw new ExplainError(
        `'${request.action}' is no permission on secrets, and no action such as Microsoft.KeyVault/vaults/read.`,
      )
    }
    const scope = request.scope.replace(/(.)\/+$/, '$1')
    if (scope !== '/' && parseResourceId(scope) === undefined) throw new ExplainError(`'${scope}' is no resource id.`)

    const { link: principalLink, principal } = await this.#principal(request.principal)
    const links: Link[] = [principalLink]
    const [, vaultName, secretName] = vaultPath.exec(scope) ?? []
    const vault = vaultName === undefined ? undefined : this.#parts.vaults.vault(vaultName, request.clientAddress)
    const data = asked.plane === 'data'
    const { link: scopeLink, assignable } = await this.#scope(asked, scope)
    links.push(scopeLink)
    if (data && vault !== undefined) links.push(networkLink(vault, request.clientAddress))
    const byPolicy = data && vault?.permissionModel === 'accessPolicies' ? vault : undefined
    if (principal !== undefined) {
      links.push(
        byPolicy === undefined
          ? this.#roles(principal, asked, scope, assignable)
          : this.#accessPolicy(principal, asked, scope, byPolicy),
      )
    }
    if (!data) links.push(await this.#locks(asked, scope))
    if (data && vault !== undefined && secretName !== undefined && !creates(asked)) {
      links.push(await this.#secret(asked, vault, secretName))
    }
    const failing = links.find(({ state }) => state === 'fails')
    return {
      allowed: failing === undefined,
      failing: failing?.name ?? null,
      principal: principal
        ? { objectId: principal.objectId, type: principal.type, displayName: principal.displayName }
        : null,
      action: byPolicy === undefined ? asked.action : (asked.permission ?? asked.action),
      plane: asked.plane,
      scope,
      links,
    }
  }

  async #principal(reference: string): Promise<{ link: Link; principal?: FoundPrincipal }> {
    const { principals } = this.#parts
    const name = 'principal'
    const [principal, ...others] = await principals.findPrincipals(reference)
    if (principal === undefined) {
      return {
        link: {
          name,
          state: 'fails',
          detail: `nobody is known as '${reference}'`,
          ...(await this.#makePrincipal(reference)),
        },
      }
    }
    if (others.length > 0) {
      throw new ExplainError(
        `'${reference}' is the name of several: ${[principal, ...others].map(({ objectId }) => objectId).join(', ')}.`,
      )
    }
    const groups = principal.groups.map(({ displayName, objectId }) => `member of group ${displayName} (${objectId})`)
    const kind = principal.managedIdentityResourceId
      ? `managed identity ${principal.managedIdentityResourceId}`
      : { User: 'user', Group: 'group', ServicePrincipal: 'service principal' }[principal.type]
    const known = `${principal.displayName} is ${kind}, object id ${principal.objectId}`
    const link: Link = principal.enabled
      ? { name, state: 'holds', detail: known, considered: groups }
      : {
          name,
          state: 'fails',
          detail: `${known}; the account is disabled, so it gets no token`,
          considered: groups,
          mend: [commandLine(['az', 'ad', 'user', 'update', '--id', principal.objectId, '--account-enabled', 'true'])],
        }
    return { link, principal }
  }

  /** The command that makes who was asked for, where the word tells what that would be. */
  async #makePrincipal(reference: string): Promise<{ mend?: string[] }> {
    const appId = await this.#parts.principals.applicationWithoutPrincipal(reference)
    if (appId !== undefined) return { mend: [commandLine(['az', 'ad', 'sp', 'create', '--id', appId])] }
    const id = parseResourceId(reference)
    const [name] = id?.names ?? []
    const identity = id?.types[0]?.toLowerCase() === 'userassignedidentities'
    if (!identity || name === undefined || id?.resourceGroup === undefined) return {}
    return {
      mend: [commandLine(['az', 'identity', 'create', '--name', name, '--resource-group', id.resourceGroup])],
    }
  }

  async #scope(asked: AskedAction, scope: string): Promise<{ link: Link; assignable: string }> {
    const { resources, storage, vaults } = this.#parts
    const at = await existingScope(resources, scope)
    const assignable = assignableStorageScope(at?.scope ?? scope)
    const holds = (detail: string) => ({
      link: { name: 'scope' as const, state: 'holds' as const, detail },
      assignable,
    })
    const fails = (detail: string, ...mend: string[]) => ({
      link: { name: 'scope' as const, state: 'fails' as const, detail, mend },
      assignable,
    })
    const id = parseResourceId(scope)
    const group = id?.resourceGroup
    if (at?.missing === 'group' && group !== undefined) {
      const itself = id?.namespace === undefined
      if (itself && creates(asked)) return holds(`resource group ${group} is not there yet`)
      return fails(
        `there is no resource group ${group}`,
        commandLine(['az', 'group', 'create', '--name', group, '--location', 'westeurope']),
      )
    }
    if (at?.missing === 'resource' && id !== undefined) {
      if (creates(asked) && id.names.length === 1) return holds(`${scope} is not there yet`)
      const [name = ''] = id.names
      const isVault = vaultPath.test(scope)
      const deleted = isVault ? vaults.deletedVault(name) : undefined
      if (deleted !== undefined) return fails(deleted.detail, deleted.mend)
      const make = makers[`${id.namespace}/${id.types[0]}`.toLowerCase()]
      const detail = `there is no ${id.namespace}/${id.types[0]} ${name} in ${group ?? 'the subscription'}`
      return make === undefined || group === undefined ? fails(detail) : fails(detail, make(name, group))
    }
    const missing = await storage.missing(scope)
    if (missing !== undefined) {
      return creates(asked) ? holds(`${missing.detail} yet`) : fails(missing.detail, missing.mend)
    }
    return holds(`${scope} is there`)
  }

  #roles(principal: FoundPrincipal, asked: AskedAction, scope: string, assignable: string): Link {
    const { authorizer } = this.#parts
    const request = { by: 'role', principal: this.#asker(principal), ...asked, scope } as const
    const decision = authorizer.decide(request)
    const considered = authorizer.consider(request).map((assignment) => {
      const through = principal.groups.find(({ objectId }) => objectId === assignment.heldBy)
      const holder = through === undefined ? '' : `, through group ${through.displayName}`
      return `${assignment.roleName} at ${assignment.scope}${holder}: ${verdicts[assignment.says]}`
    })
    const name = 'roles'
    if (decision.allowed) {
      const detail = `${asked.action} is granted by role '${decision.roleName}' (${decision.assignmentId})`
      return { name, state: 'holds', detail, considered }
    }
    const mend = this.#mend(decision, principal, assignable)
    const why =
      decision.excludedBy === undefined
        ? `no role assigned at this scope or above it grants ${asked.action}`
        : `role '${decision.excludedBy.roleName}' leaves ${asked.action} out`
    const detail = mend.length > 0 ? why : `${why}, and no built-in role does`
    return { name, state: 'fails', detail, considered, mend }
  }

  #accessPolicy(principal: FoundPrincipal, asked: AskedAction, scope: string, vault: VaultInspection): Link {
    const name = 'access policy'
    if (asked.permission === undefined) {
      return {
        name,
        state: 'fails',
        detail: `vault ${vault.name} decides by access policies, and none speaks of ${asked.action}`,
        mend: [commandLine(['az', 'keyvault', 'update', '--name', vault.name, '--enable-rbac-authorization', 'true'])],
      }
    }
    const { authorizer, principals } = this.#parts
    const decision = authorizer.decide({
      by: 'accessPolicy',
      principal: this.#asker(principal),
      permission: asked.permission,
      scope,
      policies: vault.policies,
    })
    const tenantId = principals.tenantId.toLowerCase()
    const considered = vault.policies
      .filter((policy) => policy.tenantId.toLowerCase() === tenantId)
      .flatMap((policy) => {
        const through = principal.groups.find(({ objectId }) => objectId === policy.objectId.toLowerCase())
        if (through === undefined && policy.objectId.toLowerCase() !== principal.objectId) return []
        const holder = through === undefined ? 'its own policy' : `the policy of group ${through.displayName}`
        return [`${holder} holds for secrets: ${policy.secrets.join(', ') || 'nothing'}`]
      })
    const model = `vault ${vault.name} decides by access policies`
    return decision.allowed
      ? { name, state: 'holds', detail: `${model}: one grants ${asked.permission}`, considered }
      : {
          name,
          state: 'fails',
          detail: `${model}: ${decision.reason === 'noAccessPolicy' ? 'none is about this principal' : `none about this principal holds ${asked.permission}`}`,
          considered,
          mend: this.#mend(decision, principal, scope),
        }
  }

  async #locks(asked: AskedAction, scope: string): Promise<Link> {
    const against = await locksAgainst(this.#parts.resources, { action: asked.action, deletes: deletes(asked) }, scope)
    const name = 'locks'
    if (against.length === 0) return { name, state: 'holds', detail: 'no lock forbids it' }
    return {
      name,
      state: 'fails',
      detail: against.map((lock) => `lock ${lock.name} (${lock.properties.level}) forbids it`).join('; '),
      considered: against.map(({ id }) => id),
      mend: [commandLine(['az', 'lock', 'delete', '--ids', ...against.map(({ id }) => id)])],
    }
  }

  async #secret(asked: AskedAction, vault: VaultInspection, secret: string): Promise<Link> {
    const name = 'secret'
    const obstacle = await this.#parts.vaults.secret(vault.name, secret)
    const inTheWay = obstacle !== undefined && (obstacle.state !== 'disabled' || readsSecret(asked))
    // Recovering and purging are about what was deleted.
    if (!inTheWay || (obstacle.state === 'deleted' && /\/(recover|purge)\/action$/.test(asked.action))) {
      return { name, state: 'holds', detail: obstacle?.detail ?? `secret ${secret} is there, and enabled` }
    }
    return { name, state: 'fails', detail: obstacle.detail, mend: [obstacle.mend] }
  }

  #asker(principal: FoundPrincipal) {
    return {
      tenantId: this.#parts.principals.tenantId,
      objectId: principal.objectId,
      groupIds: principal.groups.map(({ objectId }) => objectId),
    }
  }

  #mend(decision: Decision, principal: FoundPrincipal, scope: string): string[] {
    const command = mendingCommand(decision, { scope, principalType: principal.type })
    return command === undefined ? [] : [command]
  }
}

const verdicts = {
  granted: 'grants it',
  excluded: 'lists it, and its notActions take it away',
  notListed: 'does not list it',
  otherPlane: 'lists it on the other plane only (a control-plane role reaches no data)',
  otherScope: 'would grant it, but not at this scope',
} as const

function networkLink(vault: VaultInspection, address: string): Link {
  const name = 'network'
  return vault.network === undefined
    ? { name, state: 'holds', detail: `vault ${vault.name} lets ${address} in` }
    : { name, state: 'fails', detail: `vault ${vault.name}: ${vault.network.detail}`, mend: [vault.network.mend] }
}

/** How az makes what an action can be about. */
const makers: Readonly<Record<string, (name: string, group: string) => string>> = {
  'microsoft.keyvault/vaults': (name, group) =>
    commandLine(['az', 'keyvault', 'create', '--name', name, '--resource-group', group]),
  'microsoft.storage/storageaccounts': (name, group) =>
    commandLine(['az', 'storage', 'account', 'create', '--name', name, '--resource-group', group]),
  'microsoft.managedidentity/userassignedidentities': (name, group) =>
    commandLine(['az', 'identity', 'create', '--name', name, '--resource-group', group]),
}
