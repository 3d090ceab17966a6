/** secretstores.local.file: secrets read once from a JSON file (components-contrib secretstores/local/file). */
import { readFile } from 'node:fs'
import { decodeMetadata } from '../../../component-declaration.ts'
import { ComponentError } from '../../../component-error.ts'
import { goFileErrorText } from '../../../go/file-error.ts'
import { jsonError } from '../../../go/json-error.ts'
import type { ComponentContext } from '../../../metadata.ts'
import type { SecretStoreFactory } from '../../../registry.ts'
import type { SecretStore, SecretStoreFeature } from '../../../secret-store.ts'
import { flatten } from './flatten.ts'
import { declaration } from './metadata.ts'

type Values = ReadonlyMap<string, string>

export const factory: SecretStoreFactory = { block: 'secretstores', init }

async function init({ metadata, signal }: ComponentContext): Promise<SecretStore> {
  const { secretsFile, nestedSeparator, multiValued } = decodeMetadata(declaration, metadata)
  if (secretsFile === '') throw new ComponentError('missing local secrets file in metadata')
  const content = await readSecretsFile(secretsFile, signal)
  return multiValued
    ? localFileStore(multiValuedSecrets(content, nestedSeparator), ['MULTIPLE_KEY_VALUES_PER_SECRET'])
    : localFileStore(singleValuedSecrets(content, nestedSeparator), [])
}

function localFileStore(secrets: ReadonlyMap<string, Values>, features: readonly SecretStoreFeature[]): SecretStore {
  return {
    features,
    async getSecret(name) {
      const values = secrets.get(name)
      if (values === undefined) throw new ComponentError(`secret ${name} not found`)
      return Object.fromEntries(values)
    },
    async bulkGetSecret() {
      return Object.fromEntries([...secrets].map(([name, values]) => [name, Object.fromEntries(values)]))
    },
  }
}

function singleValuedSecrets(content: object, separator: string): Map<string, Values> {
  return new Map([...flatten(content, separator)].map(([name, value]) => [name, new Map([[name, value]])]))
}

/** Strings and objects of the first level only; what is neither is no secret. */
function multiValuedSecrets(content: object, separator: string): Map<string, Values> {
  const secrets = new Map<string, Values>()
  for (const [name, value] of Object.entries(content)) {
    if (typeof value === 'string') secrets.set(name, new Map([[name, value]]))
    else if (isObject(value)) secrets.set(name, flatten(value, separator))
  }
  return secrets
}

async function readSecretsFile(path: string, signal: AbortSignal): Promise<object> {
  let text: string
  try {
    // The promises' own module would be loaded for this one call.
    text = await new Promise((resolve, reject) => {
      readFile(path, { encoding: 'utf8', signal }, (error, content) => (error ? reject(error) : resolve(content)))
    })
  } catch (error) {
    if (signal.aborted) throw signal.reason
    throw new ComponentError(goFileErrorText(path, error))
  }
  const content = parseJson(text)
  if (content === null) return {}
  if (!isObject(content))
    throw new ComponentError(`json: cannot unmarshal ${goKind(content)} into Go value of type map[string]interface {}`)
  return content
}

/** The parser's own message quotes what it read, which here is secrets, so Go's takes its place. */
function parseJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    throw new ComponentError(jsonError(text) ?? 'the secrets file is not JSON')
  }
}

function isObject(value: unknown): value is object {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

function goKind(value: unknown): string {
  if (Array.isArray(value)) return 'array'
  return typeof value === 'boolean' ? 'bool' : typeof value
}
