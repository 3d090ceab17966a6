/** The az commands that mend what keeps a caller from a vault or a secret besides a missing right. */
import { commandLine } from '@keystead/authorization'

export function enablePublicAccess(vault: string): string {
  return commandLine(['az', 'keyvault', 'update', '--name', vault, '--public-network-access', 'Enabled'])
}

export function allowAddress(vault: string, address: string): string {
  return commandLine(['az', 'keyvault', 'network-rule', 'add', '--name', vault, '--ip-address', address])
}

export function recoverVault(vault: string, location: string): string {
  return commandLine(['az', 'keyvault', 'recover', '--name', vault, '--location', location])
}

export function enableSecret(vault: string, secret: string): string {
  const names = ['--vault-name', vault, '--name', secret]
  return commandLine(['az', 'keyvault', 'secret', 'set-attributes', ...names, '--enabled', 'true'])
}

export function recoverSecret(vault: string, secret: string): string {
  return commandLine(['az', 'keyvault', 'secret', 'recover', '--vault-name', vault, '--name', secret])
}

/** The value comes from a file, since a command line is read by others. */
export function setSecret(vault: string, secret: string): string {
  return `${commandLine(['az', 'keyvault', 'secret', 'set', '--vault-name', vault, '--name', secret, '--file'])} FILE`
}
