/** Every error that Resource Manager itself gives, with ARM's code, status and wording. */
import { ArmError } from './arm-error.ts'
import type { ResourceId } from './resource-id.ts'

/** Longest piece of a caller's input that an error repeats. */
const maxEcho = 260

const echo = (text: string) => (text.length > maxEcho ? `${text.slice(0, maxEcho)}…` : text)

export const missingApiVersion = () =>
  new ArmError(
    400,
    'MissingApiVersionParameter',
    'The api-version query parameter (?api-version=) is required for all requests.',
  )

export const invalidApiVersion = (apiVersion: string, supported: readonly string[]) =>
  new ArmError(
    400,
    'InvalidApiVersionParameter',
    `The api-version '${echo(apiVersion)}' is invalid. The supported versions are '${supported.join(',')}'.`,
  )

export const noRegisteredProvider = (
  type: string,
  apiVersion: string,
  location: string | undefined,
  supported: readonly string[],
  locations: readonly string[],
) =>
  new ArmError(
    400,
    'NoRegisteredProviderFound',
    `No registered resource provider found for location '${echo(location ?? '')}' and API version '${echo(apiVersion)}' for type '${type}'. ` +
      `The supported api-versions are '${supported.join(', ')}'. The supported locations are '${locations.join(', ')}'.`,
  )

export const invalidNamespace = (namespace: string) =>
  new ArmError(404, 'InvalidResourceNamespace', `The resource namespace '${echo(namespace)}' is invalid.`)

export const invalidType = (type: string, namespace: string, apiVersion: string) =>
  new ArmError(
    404,
    'InvalidResourceType',
    `The resource type '${echo(type)}' could not be found in the namespace '${echo(namespace)}' for api version '${echo(apiVersion)}'.`,
  )

export const noSuchPath = (path: string) =>
  new ArmError(404, 'NotFound', `No HTTP resource was found that matches the request URI '${echo(path)}'.`)

export const methodNotAllowed = (method: string) =>
  new ArmError(405, 'MethodNotAllowed', `The requested resource does not support http method '${echo(method)}'.`)

export const invalidRequestUri = (reason: string) => new ArmError(400, 'InvalidRequestUri', reason)

export const invalidResourceName = (name: string, reason: string) =>
  new ArmError(400, 'InvalidResourceName', `The resource name '${echo(name)}' is invalid: ${reason}`)

export const invalidSubscriptionId = (id: string) =>
  new ArmError(
    400,
    'InvalidSubscriptionId',
    `The provided subscription identifier '${echo(id)}' is malformed or invalid.`,
  )

export const subscriptionNotFound = (id: string) =>
  new ArmError(404, 'SubscriptionNotFound', `The subscription '${id}' could not be found.`)

export const resourceGroupNotFound = (name: string) =>
  new ArmError(404, 'ResourceGroupNotFound', `Resource group '${echo(name)}' could not be found.`)

export const resourceGroupBeingDeleted = (name: string) =>
  new ArmError(
    409,
    'ResourceGroupBeingDeleted',
    `The resource group '${echo(name)}' is in deprovisioning state and cannot perform this operation.`,
  )

export const invalidResourceGroup = (message: string) => new ArmError(400, 'InvalidResourceGroup', message)

/** 404 for a resource in a group (or, without a group, in the subscription). */
export const resourceNotFound = (id: ResourceId) => {
  const last = id.names.map((name, index) => `${id.types[index]}/${name}`).join('/')
  const name = id.types.length <= 1 ? last : `${id.types.join('/')}/${id.names.join('/')}`
  return new ArmError(
    404,
    'ResourceNotFound',
    `The Resource '${id.namespace ?? 'Microsoft.Resources'}/${echo(name)}'${
      id.resourceGroup === undefined ? '' : ` under resource group '${echo(id.resourceGroup)}'`
    } was not found. For more details please go to https://aka.ms/ARMResourceNotFoundFix`,
  )
}

export const parentResourceNotFound = (action: string, type: string, parent: string) =>
  new ArmError(
    404,
    'ParentResourceNotFound',
    `Failed to perform '${action}' on resource(s) of type '${echo(type)}', because the parent resource '${echo(parent)}' could not be found.`,
  )

export const authorizationFailed = (
  client: { readonly name: string; readonly objectId: string },
  action: string,
  scope: string,
) =>
  new ArmError(
    403,
    'AuthorizationFailed',
    `The client '${client.name}' with object id '${client.objectId}' does not have authorization to perform action '${action}' over scope '${echo(scope)}' or the scope is invalid. If access was recently granted, please refresh your credentials.`,
  )

export const invalidRequestContent = (reason: string) =>
  new ArmError(
    400,
    'InvalidRequestContent',
    `The request content was invalid and could not be deserialized: '${reason}'.`,
  )

export const requestContentTooLarge = (limit: number) =>
  new ArmError(
    413,
    'RequestContentTooLarge',
    `The request content size exceeds the maximum size of ${limit / (1024 * 1024)} MB.`,
    { connection: 'close' },
  )

export const unsupportedMediaType = (mediaType: string) =>
  new ArmError(
    415,
    'UnsupportedMediaType',
    `The content media type '${echo(mediaType)}' is not supported. Only 'application/json' is supported.`,
  )

export const locationRequired = () =>
  new ArmError(400, 'LocationRequired', 'The location property is required for this definition.')

export const locationNotAvailable = (location: string, type: string, available: readonly string[]) =>
  new ArmError(
    400,
    'LocationNotAvailableForResourceType',
    `The provided location '${echo(location)}' is not available for resource type '${type}'. List of available regions for the resource type is '${available.join(',')}'.`,
  )

export const locationNotAvailableForGroup = (location: string, available: readonly string[]) =>
  new ArmError(
    400,
    'LocationNotAvailableForResourceGroup',
    `The provided location '${echo(location)}' is not available for resource group. List of available regions is '${available.join(',')}'.`,
  )

export const groupLocationFixed = (location: string, existing: string) =>
  new ArmError(
    409,
    'InvalidResourceGroupLocation',
    `Invalid resource group location '${echo(location)}'. The Resource group already exists in location '${existing}'.`,
  )

export const resourceLocationFixed = (name: string, existing: string, group: string, location: string) =>
  new ArmError(
    409,
    'InvalidResourceLocation',
    `The resource '${echo(name)}' already exists in location '${existing}' in resource group '${group}'. A resource with the same name cannot be created in location '${echo(location)}'. Please select a new resource name.`,
  )

export const scopeLocked = (scope: string, verb: 'write' | 'delete', locked: readonly string[]) =>
  new ArmError(
    409,
    'ScopeLocked',
    `The scope '${scope}' cannot perform ${verb} operation because following scope(s) are locked: '${locked.join(',')}'. Please remove the lock and try again.`,
  )

export const invalidTags = (code: 'TooManyTags' | 'InvalidTagName' | 'InvalidTagNameValue', message: string) =>
  new ArmError(400, code, message)

export const invalidFilter = (filter: string) =>
  new ArmError(400, 'InvalidFilterInQueryString', `Invalid $filter '${echo(filter)}' specified in the query string.`)

export const invalidTop = (value: string) =>
  new ArmError(
    400,
    'InvalidTopInQueryString',
    `Invalid $top '${echo(value)}' specified in the query string. It must be a positive integer.`,
  )

export const invalidSkipToken = () =>
  new ArmError(400, 'InvalidSkipToken', 'The $skiptoken specified in the query string is invalid.')

export const preconditionFailed = (header: 'If-Match' | 'If-None-Match', value: string) =>
  new ArmError(
    412,
    'PreconditionFailed',
    `The condition '${echo(value)}' in the ${header} header was not satisfied by the resource's current state.`,
  )

export const notImplemented = (what: string) => new ArmError(501, 'NotImplemented', `${what} is not implemented.`)

export const internalError = (requestId: string) =>
  new ArmError(
    500,
    'InternalServerError',
    `Encountered internal server error. Diagnostic information: request id '${requestId}'.`,
  )

export const serviceUnavailable = () =>
  new ArmError(503, 'ServerUnavailable', 'The service is temporarily unavailable. Please try again later.', {
    'retry-after': '5',
  })
