/** The errors of the Blob and Queue services, made in one place. */

/**
 * An error as the data plane words it (Common REST API error codes, Blob service error codes).
 * `detail` becomes an element of the XML body, e.g. `AuthenticationErrorDetail`.
 */
export class StorageError extends Error {
  override readonly name = 'StorageError'
  readonly status: number
  readonly code: string
  readonly details: Readonly<Record<string, string>>
  readonly headers: Readonly<Record<string, string>>
  constructor(
    status: number,
    code: string,
    message: string,
    details: Readonly<Record<string, string>> = {},
    headers: Readonly<Record<string, string>> = {},
  ) {
    super(message)
    this.status = status
    this.code = code
    this.details = details
    this.headers = headers
  }
}

const authenticationFailedMessage =
  'Server failed to authenticate the request. Make sure the value of Authorization header is formed correctly including the signature.'

/** 403: a signature, date, version or window that does not hold. `detail` never quotes a signature. */
export function authenticationFailed(detail: string): StorageError {
  return new StorageError(403, 'AuthenticationFailed', authenticationFailedMessage, {
    AuthenticationErrorDetail: detail,
  })
}

function challenge(tenantId: string): Record<string, string> {
  return {
    'WWW-Authenticate': `Bearer authorization_uri=https://login.microsoftonline.com/${tenantId}/oauth2/authorize resource_id=https://storage.azure.com`,
  }
}

/** 401 with the challenge: a bearer token that is not good here. */
export function invalidAuthenticationInfo(tenantId: string, detail: string): StorageError {
  return new StorageError(
    401,
    'InvalidAuthenticationInfo',
    'Server failed to authenticate the request. Please refer to the information in the www-authenticate header.',
    { AuthenticationErrorDetail: detail },
    challenge(tenantId),
  )
}

/** 401 with the challenge: nobody said who they are. */
export function noAuthenticationInformation(tenantId: string): StorageError {
  return new StorageError(
    401,
    'NoAuthenticationInformation',
    'Server failed to authenticate the request. Please refer to the information in the www-authenticate header.',
    {},
    challenge(tenantId),
  )
}

export function publicAccessNotPermitted(): StorageError {
  return new StorageError(409, 'PublicAccessNotPermitted', 'Public access is not permitted on this storage account.')
}

export function keyBasedAuthenticationNotPermitted(): StorageError {
  return new StorageError(
    403,
    'KeyBasedAuthenticationNotPermitted',
    'Key based authentication is not permitted on this storage account.',
  )
}

export function accountRequiresHttps(): StorageError {
  return new StorageError(400, 'AccountRequiresHttps', 'The account being accessed does not support http.')
}

/** 403: who asks is known, and may not. */
export function permissionMismatch(): StorageError {
  return new StorageError(
    403,
    'AuthorizationPermissionMismatch',
    'This request is not authorized to perform this operation using this permission.',
  )
}

export function serviceMismatch(): StorageError {
  return new StorageError(
    403,
    'AuthorizationServiceMismatch',
    'This request is not authorized to perform this operation using this service.',
  )
}

export function resourceTypeMismatch(): StorageError {
  return new StorageError(
    403,
    'AuthorizationResourceTypeMismatch',
    'This request is not authorized to perform this operation using this resource type.',
  )
}

export function protocolMismatch(): StorageError {
  return new StorageError(
    403,
    'AuthorizationProtocolMismatch',
    'This request is not authorized to perform this operation using this protocol.',
  )
}

export function sourceIpMismatch(ip: string): StorageError {
  return new StorageError(
    403,
    'AuthorizationSourceIPMismatch',
    'This request is not authorized to perform this operation using this source IP.',
    { SourceIP: ip },
  )
}

export function unauthorizedBlobOverwrite(): StorageError {
  return new StorageError(
    403,
    'UnauthorizedBlobOverwrite',
    'This request is not authorized to perform blob overwrites.',
  )
}

/** 501: outside what this data plane does. Nothing outside the operation tables is ever passed on. */
export function notImplemented(what: string): StorageError {
  return new StorageError(
    501,
    'NotImplemented',
    `The requested operation is not implemented on the specified resource: ${what}.`,
  )
}

export function invalidUri(): StorageError {
  return new StorageError(400, 'InvalidUri', 'The requested URI does not represent any resource on the server.')
}

export function invalidResourceName(): StorageError {
  return new StorageError(400, 'InvalidResourceName', 'The specified resource name contains invalid characters.')
}

export function outOfRangeName(): StorageError {
  return new StorageError(
    400,
    'OutOfRangeInput',
    'The specified resource name length is not within the permissible limits.',
  )
}

export function invalidQueryParameter(name: string, reason: string): StorageError {
  return new StorageError(
    400,
    'InvalidQueryParameterValue',
    'Value for one of the query parameters specified in the request URI is invalid.',
    { QueryParameterName: name, Reason: reason },
  )
}

export function unsupportedQueryParameter(name: string): StorageError {
  return new StorageError(
    400,
    'UnsupportedQueryParameter',
    'One of the query parameters specified in the request URI is not supported.',
    { QueryParameterName: name },
  )
}

export function unsupportedHeader(name: string): StorageError {
  return new StorageError(
    400,
    'UnsupportedHeader',
    'One of the HTTP headers specified in the request is not supported.',
    { HeaderName: name },
  )
}

export function invalidHeaderValue(name: string): StorageError {
  return new StorageError(
    400,
    'InvalidHeaderValue',
    'The value for one of the HTTP headers is not in the correct format.',
    { HeaderName: name },
  )
}

export function missingContentLength(): StorageError {
  return new StorageError(411, 'MissingContentLengthHeader', 'The Content-Length header was not specified.')
}

export function requestBodyTooLarge(limit: number): StorageError {
  return new StorageError(
    413,
    'RequestBodyTooLarge',
    'The request body is too large and exceeds the maximum permissible limit.',
    { MaxLimit: String(limit) },
  )
}

export function invalidXml(): StorageError {
  return new StorageError(400, 'InvalidXmlDocument', 'XML specified is not syntactically valid.')
}

export function invalidInput(reason: string): StorageError {
  return new StorageError(400, 'InvalidInput', 'One of the request inputs is not valid.', { Reason: reason })
}

export function resourceNotFound(): StorageError {
  return new StorageError(404, 'ResourceNotFound', 'The specified resource does not exist.')
}

/** A copy's source was refused, or is not here; `status` is that of the refusal. */
export function cannotVerifyCopySource(status: number, message: string): StorageError {
  return new StorageError(status, 'CannotVerifyCopySource', message)
}

/** 503: Azurite is starting, stopping or gone; clients retry. */
export function serverBusy(): StorageError {
  return new StorageError(
    503,
    'ServerBusy',
    'The server is currently unable to receive requests. Please retry your request.',
    {},
    { 'Retry-After': '1' },
  )
}

export function operationTimedOut(): StorageError {
  return new StorageError(500, 'OperationTimedOut', 'The operation could not be completed within the permitted time.')
}

export function internalError(): StorageError {
  return new StorageError(500, 'InternalError', 'The server encountered an internal error. Please retry the request.')
}

const entities: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&apos;',
}

/** Text as it stands in XML: escaped, and without the characters XML can not hold. */
export function escapeXml(text: string): string {
  return text
    .replace(/[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\u{10000}-\u{10ffff}]/gu, '')
    .replace(/[&<>"']/g, (character) => entities[character] ?? character)
}

/** The body of an error: `<Error><Code/><Message/>…</Error>`. */
export function errorXml(error: StorageError, requestId: string, time: Date): string {
  const details = Object.entries(error.details)
    .map(([name, value]) => `<${name}>${escapeXml(value)}</${name}>`)
    .join('')
  return `<?xml version="1.0" encoding="utf-8"?><Error><Code>${error.code}</Code><Message>${escapeXml(error.message)}\nRequestId:${requestId}\nTime:${time.toISOString()}</Message>${details}</Error>`
}
