/** What `--mode kubernetes` changes: who may run, the built-in secret store, and that it is everybody's default. */
import type { Component } from '../loading/component.ts'
import type { Logger } from '../log/logger.ts'

/** secretstores.kubernetes without metadata: the pod's service account, or a kubeconfig, in the pod's namespace. */
export const builtinSecretStore: Component = {
  name: 'kubernetes',
  namespace: '',
  type: 'secretstores.kubernetes',
  version: 'v1',
  ignoreErrors: false,
  initTimeout: '',
  metadata: [],
  secretStore: '',
  scopes: [],
  annotations: {},
}

/** daprd leaves a component of this name and type alone when it is in no file. */
export function isBuiltin({ name, type }: Component): boolean {
  return name === builtinSecretStore.name && type === builtinSecretStore.type
}

/** The secret store of a resource that names none (Meta.AuthSecretStoreOrDefault); empty: none. */
export function defaultSecretStore(mode: string): string {
  return mode === 'kubernetes' ? builtinSecretStore.name : ''
}

/** Why this user may not run a sidecar in a cluster, in daprd's words; undefined when it may. */
export function rootRefusal(
  environment: Readonly<Record<string, string | undefined>>,
  userId: number | undefined,
  log: Logger,
): string | undefined {
  if (userId === undefined) return undefined
  if (environment['DAPR_UNSAFE_SKIP_CONTAINER_UID_GID_CHECK'] === 'true') {
    log.warn('Skipping container UID/GID check due to env override.')
    return undefined
  }
  if (userId === 0) {
    return (
      'current user UID(0) is root. Dapr must be run as a non-root user in Kubernetes environments. ' +
      "To override this check, set the environment variable 'DAPR_UNSAFE_SKIP_CONTAINER_UID_GID_CHECK=true'"
    )
  }
  log.info(`Running in Kubernetes environment as user ${userId}`)
  return undefined
}

export const operatorNotice =
  "The API of Dapr's operator is not implemented: components and other resources are read from the files of --resources-path, the configuration from the file of --config"
