/** From a method and a path to the data-plane operation they name. */
import { invalidName, notImplemented, operationNotAllowed } from './key-vault-error.ts'
import { operations, type SecretOperation } from './operations.ts'

export interface Route {
  readonly operation: SecretOperation
  /** The secret's name as written; empty for an operation on the whole vault. */
  readonly name: string
  /** 32 hex in lower case; empty for the latest version. */
  readonly version: string
}

const secretName = /^[0-9a-zA-Z-]{1,127}$/
const secretVersion = /^[0-9a-fA-F]{32}$/
/** What nearly every request is. */
const plainGet = /^\/secrets\/([0-9a-zA-Z-]{1,127})(?:\/([0-9a-f]{32}))?\/?$/
const otherPlanes = new Set(['keys', 'deletedkeys', 'certificates', 'deletedcertificates', 'storage', 'deletedstorage'])

function decoded(segment: string): string {
  if (!segment.includes('%')) return segment
  try {
    return decodeURIComponent(segment)
  } catch {
    throw invalidName(segment)
  }
}

function checkedName(segment: string): string {
  const name = decoded(segment)
  if (!secretName.test(name)) throw invalidName(name)
  return name
}

function vaultWide(operation: SecretOperation): Route {
  return { operation, name: '', version: '' }
}

function secretRoute(method: string, rest: readonly string[]): Route {
  const [first = '', second = '', ...more] = rest
  if (rest.length === 0) {
    if (method === 'GET') return vaultWide(operations.SecretList)
    throw operationNotAllowed(method, 'secrets')
  }
  if (method === 'POST') {
    if (rest.length === 1 && first.toLowerCase() === 'restore') return vaultWide(operations.SecretRestore)
    const name = checkedName(first)
    if (rest.length === 2 && second.toLowerCase() === 'backup') {
      return { operation: operations.SecretBackup, name, version: '' }
    }
    throw operationNotAllowed(method, decoded(second))
  }
  const name = checkedName(first)
  if (more.length > 0) throw operationNotAllowed(method, decoded(more[0] ?? ''))
  if (rest.length === 1) {
    if (method === 'GET') return { operation: operations.SecretGet, name, version: '' }
    if (method === 'PUT') return { operation: operations.SecretSet, name, version: '' }
    if (method === 'DELETE') return { operation: operations.SecretDelete, name, version: '' }
    if (method === 'PATCH') return { operation: operations.SecretUpdate, name, version: '' }
    throw operationNotAllowed(method, name)
  }
  if (method === 'GET' && second.toLowerCase() === 'versions') {
    return { operation: operations.SecretListVersions, name, version: '' }
  }
  if (secretVersion.test(second)) {
    if (method === 'GET') return { operation: operations.SecretGet, name, version: second.toLowerCase() }
    if (method === 'PATCH') return { operation: operations.SecretUpdate, name, version: second.toLowerCase() }
  }
  throw operationNotAllowed(method, decoded(second))
}

function deletedSecretRoute(method: string, rest: readonly string[]): Route {
  const [first = '', second = ''] = rest
  if (rest.length === 0) {
    if (method === 'GET') return vaultWide(operations.SecretListDeleted)
    throw operationNotAllowed(method, 'deletedsecrets')
  }
  const name = checkedName(first)
  if (rest.length === 1) {
    if (method === 'GET') return { operation: operations.SecretGetDeleted, name, version: '' }
    if (method === 'DELETE') return { operation: operations.SecretPurge, name, version: '' }
    throw operationNotAllowed(method, name)
  }
  if (rest.length === 2 && method === 'POST' && second.toLowerCase() === 'recover') {
    return { operation: operations.SecretRecover, name, version: '' }
  }
  throw operationNotAllowed(method, decoded(second))
}

/**
 * The operation of `path` (without its query). Leading slashes may be doubled and one may trail, as clients write
 * them. Throws {@link KeyVaultError} for a path that names no operation, an invalid name, or an object type that is
 * not served here.
 */
export function parseRoute(method: string, path: string): Route {
  if (method === 'GET') {
    const plain = plainGet.exec(path)
    if (plain?.[1] !== undefined) return { operation: operations.SecretGet, name: plain[1], version: plain[2] ?? '' }
  }
  let start = 0
  while (path.charCodeAt(start) === 0x2f) start += 1
  const end = path.length > start && path.endsWith('/') ? path.length - 1 : path.length
  const [type = '', ...rest] = path.slice(start, end).split('/')
  switch (type.toLowerCase()) {
    case 'secrets':
      return secretRoute(method, rest)
    case 'deletedsecrets':
      return deletedSecretRoute(method, rest)
    default:
      if (otherPlanes.has(type.toLowerCase())) throw notImplemented(`The object type '${type.toLowerCase()}'`)
      throw operationNotAllowed(method, type)
  }
}
