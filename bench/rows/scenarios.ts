/** Everything that is measured, in the order in which it is printed. */
import type { Options } from '../options.ts'
import type { Scenario } from '../row.ts'
import { authorization } from './authorization.ts'
import { coldStart } from './cold-start.ts'
import { memoryAgainstDaprd, sidecarAgainstDaprd } from './daprd.ts'
import { ingress } from './ingress.ts'
import { keyVaultAgainstBare, keyVaultWithManyVersions } from './key-vault.ts'
import { logs } from './logs.ts'
import { managedIdentity } from './managed-identity.ts'
import { memory } from './memory.ts'
import { resourceManager } from './resource-manager.ts'
import { sidecarAgainstBare } from './sidecar.ts'
import { soak as soakSidecar } from './soak.ts'

export function scenariosFor({ daprd, soak }: Options): readonly Scenario[] {
  return [
    sidecarAgainstBare,
    ...(daprd === undefined ? [] : [sidecarAgainstDaprd(daprd)]),
    keyVaultAgainstBare,
    keyVaultWithManyVersions,
    managedIdentity,
    resourceManager,
    authorization,
    ingress,
    logs,
    coldStart(daprd),
    memory(daprd),
    ...(daprd === undefined ? [] : [memoryAgainstDaprd(daprd)]),
    ...(soak === undefined ? [] : [soakSidecar(soak)]),
  ]
}
