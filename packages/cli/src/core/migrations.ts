/** The tables of a cloud: a store refuses a database that has others, so whoever opens a cloud's needs all of them. */
import { authorizationMigrations } from '@keystead/authorization'
import { containerAppsMigrations } from '@keystead/container-apps'
import { deploymentsMigrations } from '@keystead/deployments'
import { identityMigrations } from '@keystead/identity'
import { keyVaultMigrations } from '@keystead/key-vault'
import { kubernetesServiceMigrations } from '@keystead/kubernetes-service'
import { resourceManagerMigrations } from '@keystead/resource-manager'
import { storageMigrations } from '@keystead/storage'
import type { MigrationSet } from '@keystead/store'

export const cloudMigrations: readonly MigrationSet[] = [
  authorizationMigrations,
  identityMigrations,
  resourceManagerMigrations,
  keyVaultMigrations,
  storageMigrations,
  deploymentsMigrations,
  kubernetesServiceMigrations,
  containerAppsMigrations,
]
