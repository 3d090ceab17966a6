/** What the log says beside a 403 of the data plane: why, and the az command that would mend it. */
import { refusalHint } from '@keystead/authorization'
import type { Exchange } from './exchange.ts'
import { allowAddress, enablePublicAccess, enableSecret } from './mending.ts'

/** Undefined where nothing would: a vault's purge protection is for good. */
export function hintOf({ decision, refusedWith, vault, resource, clientAddress }: Exchange): string | undefined {
  if (decision !== undefined && !decision.allowed) return refusalHint(decision)
  if (vault === undefined) return undefined
  const address = clientAddress.replace(/^::ffff:/, '')
  switch (refusedWith) {
    case 'ForbiddenByConnection':
      return `The vault's public network access is disabled. To allow it: ${enablePublicAccess(vault.name)}`
    case 'ForbiddenByFirewall':
      return `The vault's firewall has no rule for ${address}. To allow it: ${allowAddress(vault.name, address)}`
    case 'SecretDisabled':
      return `The secret is disabled. To enable it: ${enableSecret(vault.name, resource.slice(resource.lastIndexOf('/') + 1))}`
    default:
      return undefined
  }
}
