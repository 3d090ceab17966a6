/** Every error that deployments give, with Resource Manager's code, status and wording. */
import { ArmError, type ErrorDetail } from '@keystead/resource-manager'
import type { SourceText } from './template/source-text.ts'
import { TemplateError } from './template-error.ts'

/** A template that is wrong, with the place in it. */
export function invalidTemplate(error: TemplateError, source?: SourceText): ArmError {
  const at = error.path === undefined || source === undefined ? '' : source.whereInTemplate(error.path)
  return new ArmError(400, 'InvalidTemplate', `Deployment template validation failed: '${error.tellAt(at)}'.`)
}

/** What is wrong is the template, when it is; else the error as it was. */
export function asArmError(error: unknown, source?: SourceText): unknown {
  return error instanceof TemplateError ? invalidTemplate(error, source) : error
}

export interface Refused {
  readonly name: string
  readonly type: string
  readonly action: string
  readonly scope: string
}

export function notPermitted(
  client: { readonly name: string; readonly objectId: string },
  refused: readonly Refused[],
) {
  const texts = refused.map(
    ({ name, type, action, scope }) =>
      `Authorization failed for template resource '${name}' of type '${type}'. The client '${client.name}' with object id '${client.objectId}' does not have permission to perform action '${action}' at scope '${scope}'.`,
  )
  const message =
    texts.length === 1
      ? `The template deployment failed with error: '${texts[0]}'.`
      : `Deployment failed with multiple errors: '${texts.join(':')}'`
  return new ArmError(403, 'InvalidTemplateDeployment', message)
}

/** Of a provider's own refusal of what a template asks for, before anything is deployed. */
export const preflightFailed = (details: readonly ErrorDetail[]) =>
  new ArmError(
    400,
    'InvalidTemplateDeployment',
    'The template deployment is not valid. See inner errors for details.',
    {},
    { details },
  )

export const deploymentFailed = (id: string, details: readonly ErrorDetail[]) =>
  new ArmError(
    409,
    'DeploymentFailed',
    'At least one resource deployment operation failed. Please list deployment operations for details. Please see https://aka.ms/arm-deployment-operations for usage details.',
    {},
    { target: id, details },
  )

export const outputsFailed = (names: string, detail: ErrorDetail) =>
  new ArmError(
    400,
    'DeploymentOutputEvaluationFailed',
    `Unable to evaluate template outputs: '${names}'. Please see error details and deployment operations. Please see https://aka.ms/arm-common-errors for usage details.`,
    {},
    { details: [detail] },
  )

export const deploymentNotFound = (name: string) =>
  new ArmError(404, 'DeploymentNotFound', `Deployment '${name}' could not be found.`)

export const operationNotFound = (name: string) =>
  new ArmError(404, 'DeploymentOperationNotFound', `The deployment operation '${name}' could not be found.`)

export const deploymentActive = (name: string, since: string) =>
  new ArmError(
    409,
    'DeploymentActive',
    `Unable to edit or replace deployment '${name}': previous deployment from '${since}' is still active. Please see https://aka.ms/arm-deploy for usage details.`,
  )

export const notCancellable = (name: string, state: string) =>
  new ArmError(
    409,
    'DeploymentCannotBeCancelled',
    `The deployment '${name}' cannot be cancelled because it is in the terminal provisioning state '${state}'.`,
  )

export const invalidDeploymentName = (name: string) =>
  new ArmError(
    400,
    'InvalidDeploymentName',
    `The provided deployment name '${name.slice(0, 260)}' is invalid. It must have 1 to 64 characters and hold only letters, digits, '-', '_', '.', '(' and ')'.`,
  )

export const invalidScope = () =>
  new ArmError(400, 'InvalidDeploymentScope', 'A deployment goes to a resource group or to a subscription.')

export const templateRequired = () =>
  new ArmError(
    400,
    'InvalidRequestContent',
    "The request content is not valid and could not be deserialized: 'One of template and templateLink is required'.",
  )

export const locationRequired = () =>
  new ArmError(
    400,
    'LocationRequired',
    'The location property is required for a deployment to a subscription. Please see https://aka.ms/deploy-to-subscription for usage details.',
  )

export const completeModeNotAllowed = () =>
  new ArmError(
    400,
    'DeploymentModeNotAllowed',
    "The deployment mode 'Complete' is not supported at subscription scope. Only 'Incremental' is.",
  )

export const keyVaultReferenceFailed = (parameter: string, reason: string) =>
  new ArmError(
    400,
    'KeyVaultParameterReferenceSecretRetrieveFailed',
    `The secret of KeyVault parameter '${parameter}' cannot be retrieved. ${reason} Please see https://aka.ms/arm-keyvault for usage details.`,
  )

export const canceled = () => new ArmError(409, 'DeploymentCanceled', 'The deployment was canceled by its user.')
