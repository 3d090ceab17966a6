/** Microsoft Graph's errors: every refusal of the directory's API ("Microsoft Graph error responses and resource types"). */
import { randomUUID } from 'node:crypto'
import { TokenError } from '../caller.ts'
import { DirectoryError } from '../directory-error.ts'

export class GraphError extends Error {
  override readonly name = 'GraphError'
  readonly status: number
  readonly code: string
  constructor(status: number, code: string, message: string) {
    super(message)
    this.status = status
    this.code = code
  }
}

/** Text of a caller's, as an error may quote it. */
function quoted(text: string): string {
  const printable = text.replace(/\p{C}/gu, '\u{fffd}')
  return printable.length > 200 ? `${printable.slice(0, 200)}…` : printable
}

export const graphErrors = {
  notFound: (id: string) =>
    new GraphError(
      404,
      'Request_ResourceNotFound',
      `Resource '${quoted(id)}' does not exist or one of its queried reference-property objects are not present.`,
    ),
  denied: () =>
    new GraphError(403, 'Authorization_RequestDenied', 'Insufficient privileges to complete the operation.'),
  badRequest: (message: string) => new GraphError(400, 'Request_BadRequest', message),
  invalidProperty: (path: string) =>
    new GraphError(400, 'Request_BadRequest', `Invalid value specified for property '${quoted(path)}' of resource.`),
  multipleObjects: (message: string) => new GraphError(400, 'Request_MultipleObjectsWithSameKeyValue', message),
  unsupportedQuery: (message: string) => new GraphError(400, 'Request_UnsupportedQuery', message),
  invalidFilter: () => new GraphError(400, 'BadRequest', 'Invalid filter clause.'),
  malformedBody: () =>
    new GraphError(400, 'BadRequest', 'Unable to read JSON request payload. Please ensure Content-Type header is set.'),
  bodyTooLarge: () => new GraphError(413, 'BadRequest', 'The request body is too large.'),
  onlyDelegated: () =>
    new GraphError(400, 'BadRequest', '/me request is only valid with delegated authentication flow.'),
  methodNotAllowed: (method: string) =>
    new GraphError(405, 'Request_BadRequest', `Specified HTTP method '${quoted(method)}' is not allowed here.`),
  notImplemented: (what: string) =>
    new GraphError(501, 'NotImplemented', `${quoted(what)} is not implemented by Keystead. See docs/status.md.`),
  unavailable: () => new GraphError(503, 'ServiceNotAvailable', 'The service is temporarily unavailable. Try again.'),
} as const

/** Why a token was not taken, in Graph's words. */
function tokenMessage(error: TokenError): string {
  switch (error.reason) {
    case 'missing':
      return 'Access token is empty.'
    case 'malformed':
      return 'CompactToken parsing failed with error code: 80049217'
    case 'signature':
      return 'Access token validation failure. Signature validation failed.'
    case 'expired':
    case 'notYetValid':
      return 'Lifetime validation failed, the token is expired.'
    case 'audience':
      return 'Access token validation failure. Invalid audience.'
    case 'issuer':
      return 'Access token validation failure. Invalid issuer.'
  }
}

/** The refusal that an error is; undefined for a fault of ours. */
export function refusalOf(error: unknown): GraphError | undefined {
  if (error instanceof GraphError) return error
  if (error instanceof TokenError) return new GraphError(401, 'InvalidAuthenticationToken', tokenMessage(error))
  if (error instanceof DirectoryError) {
    return error.code === 'notFound'
      ? new GraphError(404, 'Request_ResourceNotFound', error.message)
      : graphErrors.badRequest(error.message)
  }
  return undefined
}

/** The JSON body of a refusal. `at` in milliseconds since the epoch. */
export function graphErrorBody(error: GraphError, clientRequestId: string | undefined, at: number) {
  const requestId = randomUUID()
  return {
    error: {
      code: error.code,
      message: error.message,
      innerError: {
        date: new Date(at).toISOString().slice(0, 19),
        'request-id': requestId,
        'client-request-id': clientRequestId ?? requestId,
      },
    },
  }
}
