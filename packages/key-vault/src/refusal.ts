/** The 403s of the data plane, worded as Azure words them from the decision that was made. */
import type { Decision } from '@keystead/authorization'
import type { Caller } from '@keystead/identity'
import { KeyVaultError } from './key-vault-error.ts'
import type { Vault } from './vault.ts'

/** How Key Vault names a caller: `appid=…;oid=…;iss=…`, with the number of groups when the token carries any. */
export function callerText(caller: Caller): string {
  const groups = caller.groupIds.length === 0 ? '' : `numgroups=${caller.groupIds.length};`
  return `appid=${caller.appId};oid=${caller.objectId};${groups}iss=${caller.issuer}`
}

/** The 403 for a decision that refused. */
export function refusal(decision: Decision, caller: Caller, vault: Vault): KeyVaultError {
  if (decision.by === 'accessPolicy') {
    return new KeyVaultError(
      403,
      'Forbidden',
      `The user, group or application '${callerText(caller)}' does not have secrets ${decision.action} permission on key vault '${vault.label}'. For help resolving this issue, please see https://go.microsoft.com/fwlink/?linkid=2125287`,
      { innerCode: 'AccessDenied' },
    )
  }
  const lines = [
    'Caller is not authorized to perform action on resource.',
    'If role assignments, deny assignments or role definitions were changed recently, please observe propagation time.',
    `Caller: ${callerText(caller)}`,
    `Action: '${decision.action}'`,
    `Resource: '${decision.scope.toLowerCase()}'`,
    'Assignment: (not found)',
    'DenyAssignmentId: null',
    "DecisionReason: 'DeniedWithNoValidRBAC' ",
    `Vault: ${vault.label}`,
    '',
  ]
  return new KeyVaultError(403, 'Forbidden', lines.join('\r\n'), { innerCode: 'ForbiddenByRbac' })
}

/** The vault's public network access is disabled, and nothing else leads to it. */
export function connectionRefused(caller: Caller, vault: Vault): KeyVaultError {
  const reason = vault.network.bypassAzureServices
    ? 'Public network access is disabled and request is not from a trusted service nor via an approved private link.'
    : "Connection is not an approved private link and caller was ignored because bypass is not set to 'AzureServices' and PublicNetworkAccess is set to 'Disabled'."
  return new KeyVaultError(403, 'Forbidden', `${reason}\r\nCaller: ${callerText(caller)}\r\nVault: ${vault.label}`, {
    innerCode: 'ForbiddenByConnection',
  })
}

/** The vault's firewall has no rule for the client's address. */
export function addressRefused(address: string, caller: Caller, vault: Vault): KeyVaultError {
  return new KeyVaultError(
    403,
    'Forbidden',
    `Client address is not authorized and caller is not a trusted service.\r\nClient address: ${address}\r\nCaller: ${callerText(caller)}\r\nVault: ${vault.label}`,
    { innerCode: 'ForbiddenByFirewall' },
  )
}
