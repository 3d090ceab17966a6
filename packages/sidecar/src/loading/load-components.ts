/** Which components of the resource folders belong to this app (pkg/internal/loader/disk). */
import { GoJsonError } from '../gojson/decode.ts'
import type { Logger } from '../log/logger.ts'
import { type Component, logName, readComponent } from './component.ts'
import type { ResourceFolder } from './resource-files.ts'

const apiVersion = 'dapr.io/v1alpha1'

/** daprd's refusal of the whole set, e.g. two components of one name. */
export class LoadError extends Error {
  override readonly name = 'LoadError'
}

export interface LoadScope {
  readonly appId: string
  /** `NAMESPACE`; empty when not set, and then no component's namespace matters. */
  readonly namespace: string
  /** The secret store of a component that names none; empty: none. */
  readonly defaultSecretStore: string
}

/**
 * The app's components in the order of folders, files and documents. What cannot be read is said with a warning
 * and left out. Throws {@link LoadError}.
 */
export function loadComponents(folders: readonly ResourceFolder[], scope: LoadScope, log: Logger): Component[] {
  const found: Component[] = []
  for (const folder of folders) {
    warnOthers(folder, 'Component', log)
    for (const file of folder.files) {
      const errors = [...file.errors]
      for (const document of file.documents) {
        if (document.apiVersion !== apiVersion || document.kind !== 'Component') continue
        const nameErrors = invalidPathSegment(document.name)
        if (nameErrors !== undefined) {
          errors.push(`invalid name ${JSON.stringify(document.name)} for "Component": ${nameErrors}`)
          continue
        }
        try {
          found.push(readComponent(document.body))
        } catch (error) {
          if (!(error instanceof GoJsonError)) throw error
          errors.push(`error unmarshaling JSON: while decoding JSON: ${error.message}`)
        }
      }
      if (errors.length > 0) {
        log.warn(
          `daprd load Component error when parsing manifests yaml resource in ${file.path}: ${errors.join('\n')}`,
        )
      }
    }
  }
  return select(found, scope)
}

/** The warnings daprd gives for each kind of resource that it looks for in a folder. */
export function warnOthers(folder: ResourceFolder, kind: string, log: Logger): void {
  for (const name of folder.others) log.warn(`A non-YAML ${kind} file ${name} was detected, it will not be loaded`)
  for (const { path, error } of folder.unreadable) {
    log.warn(`daprd load ${kind} error when opening file ${path}: ${error}`)
  }
}

function select(components: readonly Component[], scope: LoadScope): Component[] {
  const chosen = new Map<string, Component>()
  const errors: string[] = []
  for (const component of components) {
    if (scope.namespace !== '' && component.namespace !== '' && component.namespace !== scope.namespace) continue
    const existing = chosen.get(component.name)
    if (existing) {
      errors.push(`duplicate definition of Component name ${logName(component)} with existing ${logName(existing)}`)
      continue
    }
    if (component.scopes.length > 0 && !component.scopes.includes(scope.appId)) continue
    chosen.set(component.name, { ...component, secretStore: component.secretStore || scope.defaultSecretStore })
  }
  if (errors.length > 0) throw new LoadError(errors.join('\n'))
  return [...chosen.values()]
}

/** Kubernetes' rule for names in a path: not `.` nor `..`, no `/` nor `%`. */
function invalidPathSegment(name: string): string | undefined {
  if (name === '.' || name === '..') return `may not be '${name}'`
  const errors = ['/', '%'].filter((c) => name.includes(c)).map((c) => `may not contain '${c}'`)
  return errors.length > 0 ? errors.join('; ') : undefined
}
