/** Every error that Microsoft.App itself gives. Codes and wording are Azure's where they are known. */
import { ArmError } from '@keystead/resource-manager'

const list = (names: readonly string[]): string => names.map((name) => `'${name}'`).join(', ')

export const invalidAppName = (name: string) =>
  new ArmError(
    400,
    'ContainerAppInvalidName',
    `Invalid ContainerApp name '${name}'. A name must consist of lower case alphanumeric characters or '-', start with an alphabetic character, and end with an alphanumeric character and cannot have '--'. The length must be between 2 and 32.`,
  )

export const invalidEnvironmentName = (name: string) =>
  new ArmError(
    400,
    'ManagedEnvironmentInvalidName',
    `Invalid managed environment name '${name}'. A name has 2 to 60 letters, digits or '-', starts with a letter and ends with a letter or a digit.`,
  )

export const invalidComponentName = (name: string) =>
  new ArmError(
    400,
    'DaprComponentInvalidName',
    `Invalid Dapr component name '${name}'. A name must consist of lower case alphanumeric characters or '-', start with an alphabetic character, and end with an alphanumeric character. The length must be between 2 and 60.`,
  )

export const environmentNotFound = (id: string) =>
  new ArmError(
    400,
    'ManagedEnvironmentNotFound',
    `The managed environment '${id}' does not exist. Make it with \`az containerapp env create\`.`,
  )

export const environmentHasApps = (name: string, count: number) =>
  new ArmError(
    409,
    'ManagedEnvironmentHasContainerApps',
    `The specified environment ${name} cannot be deleted because it still contains ${count} ContainerApps.`,
  )

export const environmentFixed = () =>
  new ArmError(400, 'ContainerAppEnvironmentImmutable', 'The environment of a container app can not be changed.')

export const secretInvalid = (names: readonly string[]) =>
  new ArmError(
    400,
    'ContainerAppSecretInvalid',
    `Invalid Request: Container app secret(s) with name(s) ${list(names)} are invalid: value or keyVaultUrl and identity should be provided.`,
  )

export const secretNameInvalid = (name: string) =>
  new ArmError(
    400,
    'ContainerAppSecretNameInvalid',
    `The secret name '${name}' is invalid: it must consist of lower case alphanumeric characters, '-' or '.', start and end with an alphanumeric character, and there can be only one of it.`,
  )

export const keyVaultUrlInvalid = (name: string) =>
  new ArmError(
    400,
    'ContainerAppSecretKeyVaultUrlInvalid',
    `The keyVaultUrl of the secret '${name}' is invalid. Its form is https://VAULT.vault.azure.net/secrets/NAME, with or without /VERSION.`,
  )

export const secretIdentityMissing = (name: string, identity: string) =>
  new ArmError(
    400,
    'ContainerAppSecretIdentityNotAssigned',
    `The identity '${identity}' that reads the secret '${name}' is not assigned to the container app.`,
  )

export const ruleIdentityMissing = (rule: string, identity: string) =>
  new ArmError(
    400,
    'ContainerAppScaleRuleIdentityNotAssigned',
    `The identity '${identity}' of the scale rule '${rule}' is not assigned to the container app.`,
  )

export const secretRefNotFound = (name: string, of: string) =>
  new ArmError(400, 'ContainerAppSecretRefNotFound', `SecretRef '${name}' defined for ${of} not found.`)

export const secretInUse = (app: string, secrets: readonly string[], revisions: readonly string[]) =>
  new ArmError(
    400,
    'ContainerAppSecretInUse',
    `Container App '${app}' has an active revision referencing a secret you are trying to delete. Please add secrets: ${secrets.join(', ')} or deactivate the revisions: ${revisions.join(', ')} referencing this secret.`,
  )

export const suffixInUse = (suffix: string) =>
  new ArmError(
    400,
    'WebhookInvalidParameterValue',
    `The following field(s) are either invalid or missing. Invalid value: "${suffix}": revision with suffix ${suffix} already exists.: template.revisionsuffix.`,
  )

export const invalidField = (field: string, why: string) =>
  new ArmError(
    400,
    'WebhookInvalidParameterValue',
    `The following field(s) are either invalid or missing. ${why}: ${field}.`,
  )

export const revisionNotFound = (name: string) =>
  new ArmError(404, 'RevisionNotFound', `The revision '${name}' was not found.`)

export const replicaNotFound = (name: string) =>
  new ArmError(404, 'ReplicaNotFound', `The replica '${name}' was not found.`)

export const lastRevision = (name: string) =>
  new ArmError(
    400,
    'ContainerAppRevisionDeactivationNotAllowed',
    `The revision '${name}' can not be deactivated: traffic is sent to it, or it is the only one of an app in single revision mode.`,
  )
