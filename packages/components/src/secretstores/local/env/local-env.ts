/** secretstores.local.env: secrets from the sidecar's own environment (components-contrib secretstores/local/env). */
import { decodeMetadata } from '../../../component-declaration.ts'
import type { ComponentContext } from '../../../metadata.ts'
import type { SecretStoreFactory } from '../../../registry.ts'
import type { SecretStore } from '../../../secret-store.ts'
import { declaration } from './metadata.ts'

export const factory: SecretStoreFactory = { block: 'secretstores', init }

async function init({ metadata, environment, log }: ComponentContext): Promise<SecretStore> {
  const { prefix } = decodeMetadata(declaration, metadata)
  return {
    features: [],
    /** A variable that is not set, or that is forbidden, is an empty value and no error, as in daprd. */
    async getSecret(name) {
      const variable = prefix + name
      if (!isAllowed(variable)) {
        log('warn', `Access to env var ${name} is forbidden`)
        return { [name]: '' }
      }
      return { [name]: (Object.hasOwn(environment, variable) && environment[variable]) || '' }
    },
    async bulkGetSecret() {
      return Object.fromEntries(
        Object.entries(environment)
          .filter(([variable, value]) => value !== undefined && hasPrefix(variable, prefix) && isAllowed(variable))
          .map(([variable, value]) => {
            const name = variable.slice(prefix.length)
            return [name, { [name]: value ?? '' }]
          }),
      )
    },
  }
}

function hasPrefix(variable: string, prefix: string): boolean {
  if (prefix === '') return true
  if (variable.length <= prefix.length) return false
  return process.platform === 'win32'
    ? variable.toUpperCase().startsWith(prefix.toUpperCase())
    : variable.startsWith(prefix)
}

/** The sidecar's own variables, its tokens among them, are nobody's secrets. */
function isAllowed(variable: string): boolean {
  const name = variable.toUpperCase()
  return name !== 'APP_API_TOKEN' && !name.startsWith('DAPR_')
}
