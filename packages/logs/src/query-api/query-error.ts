/** The errors of the Log Analytics query API, in its own form: made here and nowhere else. */
import type { TokenError } from '@keystead/identity'
import type { QueryProblem } from '../server/query-outcome.ts'

export interface ErrorBody {
  readonly code: string
  readonly message: string
  readonly innererror?: unknown
}

export class QueryApiError extends Error {
  override readonly name = 'QueryApiError'
  readonly status: number
  readonly error: ErrorBody
  readonly headers: Readonly<Record<string, string>>

  constructor(status: number, error: ErrorBody, headers: Readonly<Record<string, string>> = {}) {
    super(error.message)
    this.status = status
    this.error = error
    this.headers = headers
  }
}

const badProperties = 'The request had some invalid properties'

export function unauthorized(error: TokenError, tenantId: string): QueryApiError {
  const challenge = `Bearer authorization_uri="https://login.microsoftonline.com/${tenantId}", resource="https://api.loganalytics.io"`
  const missing = error.reason === 'missing'
  return new QueryApiError(
    401,
    {
      code: missing ? 'AuthorizationRequiredError' : 'InvalidTokenError',
      message: missing
        ? 'Valid authentication was not provided'
        : 'The provided authentication is not valid for this resource',
      innererror: { code: error.reason, message: error.message },
    },
    { 'www-authenticate': challenge },
  )
}

export const insufficientAccess = (): QueryApiError =>
  new QueryApiError(403, {
    code: 'InsufficientAccessError',
    message: 'The provided credentials have insufficient access to perform the requested operation',
  })

export const workspaceNotFound = (): QueryApiError =>
  new QueryApiError(404, {
    code: 'WorkspaceNotFoundError',
    message: 'The workspace could not be found',
  })

export const pathNotFound = (): QueryApiError =>
  new QueryApiError(404, { code: 'PathNotFoundError', message: 'The requested path does not exist' })

export const badArgument = (message: string): QueryApiError =>
  new QueryApiError(400, {
    code: 'BadArgumentError',
    message: badProperties,
    innererror: { code: 'InvalidProperty', message },
  })

export const bodyTooLarge = (): QueryApiError =>
  new QueryApiError(413, { code: 'BadArgumentError', message: 'The request body is larger than 1 MB.' })

/** What the query itself is at fault for, with its place in the text. */
export function queryRefused({ kind, message, line, column, length }: QueryProblem): QueryApiError {
  const position = { line, pos: column, length }
  if (kind === 'syntax') {
    return new QueryApiError(400, {
      code: 'BadArgumentError',
      message: badProperties,
      innererror: {
        code: 'SyntaxError',
        message: 'A recognition error occurred in the query.',
        innererror: {
          code: 'SYN0002',
          message: `Query could not be parsed on line [${line},${column}]: ${message}`,
          ...position,
        },
      },
    })
  }
  return new QueryApiError(kind === 'unsupported' ? 501 : 400, {
    code: kind === 'unsupported' ? 'NotImplemented' : 'BadArgumentError',
    message:
      kind === 'unsupported' ? 'The query uses a part of KQL that is not implemented by Keystead' : badProperties,
    innererror: {
      code: 'SemanticError',
      message: 'A semantic error occurred.',
      innererror: { code: 'SEM0100', message: `${message} [${line},${column}]`, ...position },
    },
  })
}

export const timedOut = (seconds: number): QueryApiError =>
  new QueryApiError(504, {
    code: 'GatewayTimeout',
    message: `The query did not end within ${seconds} seconds. Narrow it down, e.g. by a time range.`,
  })

export const queryFailed = (): QueryApiError =>
  new QueryApiError(500, { code: 'InternalServerError', message: 'The query failed' })

export const logsAway = (): QueryApiError =>
  new QueryApiError(
    503,
    { code: 'ServiceUnavailable', message: 'The logs process is starting. Try again.' },
    {
      'retry-after': '1',
    },
  )
