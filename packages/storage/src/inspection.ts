/** What of an account bears on whether a caller gets at its data besides rights, for whoever explains a refusal. */
import { commandLine } from '@keystead/authorization'
import type { AccountRegistry } from './accounts/account-registry.ts'
import type { AzuriteResources } from './azurite/azurite-resources.ts'
import { blobOperations } from './data-plane/blob-operations.ts'
import { queueOperations } from './data-plane/queue-operations.ts'
import type { Service } from './data-plane/wire-request.ts'

export interface StorageInspector {
  /** What of the resource is not there, and the az command that makes it; undefined when all of it is. */
  missing(scope: string): Promise<{ readonly detail: string; readonly mend: string } | undefined>
}

/** The data actions that the endpoints ask for. */
export const storageDataActions: readonly string[] = [
  ...new Set(
    [...blobOperations, ...queueOperations]
      .flatMap(({ actions, createActions }) => [...actions, ...(createActions ?? [])])
      .flat()
      .filter(({ plane }) => plane === 'data')
      .map(({ action }) => action),
  ),
]

const child =
  /\/storageAccounts\/([^/]+)\/(?:blobServices\/default\/(containers)|queueServices\/default\/(queues))\/([^/]+)/i

export function createStorageInspector(
  registry: AccountRegistry,
  resources: Readonly<Record<Service, AzuriteResources>>,
): StorageInspector {
  return {
    async missing(scope) {
      const [, accountName = '', container, , name = ''] = child.exec(scope) ?? []
      const account = registry.find(accountName.toLowerCase())
      if (account === undefined || name === '') return undefined
      const service = container === undefined ? 'queue' : 'blob'
      if ((await resources[service].get(account.internalName, name)) !== undefined) return undefined
      const what = service === 'queue' ? 'queue' : 'container'
      return {
        detail: `account ${account.name} has no ${what} ${name}`,
        mend: commandLine([
          ...['az', 'storage', what, 'create', '--account-name', account.name, '--name', name],
          ...['--auth-mode', 'login'],
        ]),
      }
    },
  }
}
