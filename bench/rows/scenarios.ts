/** Everything that is measured, in the order in which it is printed. */
import type { Options } from '../options.ts'
import type { Scenario } from '../row.ts'
import { coldStart } from './cold-start.ts'
import { keyVaultAgainstBare, keyVaultWithManyVersions } from './key-vault.ts'
import { managedIdentity } from './managed-identity.ts'
import { memory } from './memory.ts'
import { sidecarAgainstBare, sidecarAgainstDaprd } from './sidecar.ts'

export function scenariosFor({ daprd }: Options): readonly Scenario[] {
  return [
    sidecarAgainstBare,
    ...(daprd === undefined ? [] : [sidecarAgainstDaprd(daprd)]),
    keyVaultAgainstBare,
    keyVaultWithManyVersions,
    managedIdentity,
    coldStart(daprd),
    memory(daprd),
  ]
}
