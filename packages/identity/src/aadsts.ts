/**
 * Entra's errors: each AADSTS code that the token service answers, with its OAuth error, HTTP status, wording.
 * Source: "Microsoft Entra authentication and authorization error codes", the wording as clients report it in the wild.
 */
import { randomUUID } from 'node:crypto'

/** A refusal of the token service, before it is tied to one request. */
export class AadError extends Error {
  override readonly name = 'AadError'
  /** The OAuth error code, RFC 6749 section 5.2. */
  readonly error: string
  /** The number after `AADSTS`. */
  readonly code: number
  readonly status: number
  constructor(status: number, error: string, code: number, message: string) {
    super(message)
    this.status = status
    this.error = error
    this.code = code
  }
}

/** Names of one request that its error quotes, so that a person can find it in the log. */
export interface RequestTrace {
  readonly traceId: string
  readonly correlationId: string
  /** Milliseconds since the epoch. */
  readonly at: number
}

const guid = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i

/** Whether a text is a GUID in its usual form. */
export function isGuid(text: string): boolean {
  return guid.test(text)
}

/** The trace of a request: `client-request-id` is taken over when it is a GUID. */
export function traceRequest(clientRequestId: unknown, at: number): RequestTrace {
  const correlationId =
    typeof clientRequestId === 'string' && isGuid(clientRequestId) ? clientRequestId.toLowerCase() : randomUUID()
  return { traceId: randomUUID(), correlationId, at }
}

/** The JSON body of a refusal. */
export function aadErrorBody(error: AadError, trace: RequestTrace) {
  const timestamp = `${new Date(trace.at).toISOString().slice(0, 19).replace('T', ' ')}Z`
  return {
    error: error.error,
    error_description: `AADSTS${error.code}: ${error.message} Trace ID: ${trace.traceId} Correlation ID: ${trace.correlationId} Timestamp: ${timestamp}`,
    error_codes: [error.code],
    timestamp,
    trace_id: trace.traceId,
    correlation_id: trace.correlationId,
    error_uri: `https://login.microsoftonline.com/error?code=${error.code}`,
  }
}

/** Text of a caller's, as an error may quote it: short, without control characters. */
function quoted(text: string): string {
  const printable = text.replace(/\p{C}/gu, '\u{fffd}')
  return printable.length > 200 ? `${printable.slice(0, 200)}…` : printable
}

const federationHelp =
  'Check your federated identity credential Subject, Audience and Issuer against the presented assertion. https://learn.microsoft.com/entra/workload-id/workload-identity-federation'
const assertionHelp =
  'Review the documentation at https://learn.microsoft.com/entra/identity-platform/certificate-credentials .'

const keyReason = (reason: string, thumbprint: string | undefined, more = '') =>
  `[Reason - ${reason}${thumbprint ? `, Thumbprint of key used by client: '${quoted(thumbprint)}'` : ''}${more}]`

/** Every refusal of the token service, made here only. */
export const aadErrors = {
  // The request
  missingParameter: (name: string) =>
    new AadError(400, 'invalid_request', 900144, `The request body must contain the following parameter: '${name}'.`),
  duplicateParameter: (name: string) =>
    new AadError(
      400,
      'invalid_request',
      9000411,
      `The request is not properly formatted. The parameter '${quoted(name)}' is duplicated.`,
    ),
  malformedRequest: (status = 400) =>
    new AadError(status, 'invalid_request', 9002313, 'Invalid request. Request is malformed or invalid.'),
  methodNotAllowed: (method: string) =>
    new AadError(
      400,
      'invalid_request',
      900561,
      `The endpoint only accepts POST, OPTIONS requests. Received a ${quoted(method)} request.`,
    ),
  resourceParameter: () =>
    new AadError(400, 'invalid_request', 901002, "The 'resource' request parameter is not supported."),
  temporarilyUnavailable: () =>
    new AadError(503, 'temporarily_unavailable', 90033, 'A transient error has occurred. Please try again.'),
  unsupportedGrant: (grant: string) =>
    new AadError(
      400,
      'unsupported_grant_type',
      70003,
      `The app requested an unsupported grant type '${quoted(grant)}'.`,
    ),
  unsupportedResponseType: (responseType: string) =>
    new AadError(
      400,
      'unsupported_response_type',
      70005,
      `response_type '${quoted(responseType)}' is not supported for the application.`,
    ),
  unsupportedAssertionType: () =>
    new AadError(
      400,
      'invalid_request',
      90023,
      "The request is not valid: 'client_assertion_type' must be 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer'.",
    ),

  // The tenant
  tenantNotFound: (tenant: string, error = 'invalid_request') =>
    new AadError(
      400,
      error,
      90002,
      `Tenant '${quoted(tenant)}' not found. Check to make sure you have the correct tenant ID and are signing into the correct cloud. Check with your subscription administrator, this may happen if there are no active subscriptions for the tenant.`,
    ),
  tenantMalformed: (tenant: string, error = 'invalid_request') =>
    new AadError(
      400,
      error,
      900023,
      `Specified tenant identifier '${quoted(tenant)}' is neither a valid DNS name, nor a valid external domain.`,
    ),
  tenantNotNamed: () =>
    new AadError(
      400,
      'invalid_request',
      50059,
      'No tenant-identifying information found in either the request or implied by any provided credentials.',
    ),

  // The resource
  scopeWithoutDefault: (scope: string) =>
    new AadError(
      400,
      'invalid_scope',
      1002012,
      `The provided value for scope ${quoted(scope)} is not valid. Client credential flows must have a scope value with /.default suffixed to the resource identifier (application ID URI).`,
    ),
  scopeOfSeveralResources: (scope: string) =>
    new AadError(
      400,
      'invalid_request',
      28000,
      `Provided value for the input parameter scope is not valid because it contains more than one resource. Scope ${quoted(scope)} is not valid.`,
    ),
  scopeMalformed: (scope: string) =>
    new AadError(
      400,
      'invalid_scope',
      70011,
      `The provided request must include a 'scope' input parameter. The provided value for the input parameter 'scope' is not valid. The scope ${quoted(scope)} is not valid.`,
    ),
  resourceNotFound: (resource: string, tenant: string) =>
    new AadError(
      400,
      'invalid_resource',
      500011,
      `The resource principal named ${quoted(resource)} was not found in the tenant named ${tenant}. This can happen if the application has not been installed by the administrator of the tenant or consented to by any user in the tenant. You might have sent your authentication request to the wrong tenant.`,
    ),

  // The client
  applicationNotFound: (clientId: string, tenant: string) =>
    new AadError(
      400,
      'unauthorized_client',
      700016,
      `Application with identifier '${quoted(clientId)}' was not found in the directory '${tenant}'. This can happen if the application has not been installed by the administrator of the tenant or consented to by any user in the tenant. You may have sent your authentication request to the wrong tenant.`,
    ),
  missingCredential: () =>
    new AadError(
      401,
      'invalid_client',
      7000218,
      "The request body must contain the following parameter: 'client_assertion' or 'client_secret'.",
    ),
  wrongSecret: (clientId: string) =>
    new AadError(
      401,
      'invalid_client',
      7000215,
      `Invalid client secret provided. Ensure the secret being sent in the request is the client secret value, not the client secret ID, for a secret added to app '${quoted(clientId)}'.`,
    ),
  expiredSecret: (clientId: string) =>
    new AadError(
      401,
      'invalid_client',
      7000222,
      `The provided client secret keys for app '${quoted(clientId)}' are expired. Visit the Azure portal to create new keys for your app: https://aka.ms/NewClientSecret, or consider using certificate credentials for added security: https://aka.ms/certCreds.`,
    ),

  // Client assertions
  assertionMalformed: () => new AadError(400, 'invalid_request', 50027, 'JWT token is invalid or malformed.'),
  assertionOfOtherClient: () =>
    new AadError(
      401,
      'invalid_client',
      700021,
      `Client assertion application identifier doesn't match 'client_id' parameter. ${assertionHelp}`,
    ),
  assertionAudience: () =>
    new AadError(
      401,
      'invalid_client',
      700023,
      `Client assertion audience claim does not match Realm issuer. ${assertionHelp}`,
    ),
  assertionTime: (now: number, notBefore: number, expires: number) =>
    new AadError(
      401,
      'invalid_client',
      700024,
      `Client assertion is not within its valid time range. Current time: ${instant(now)}, assertion valid from ${instant(notBefore)}, expiry time of assertion ${instant(expires)}. ${assertionHelp}`,
    ),
  assertionReplayed: () =>
    new AadError(
      401,
      'invalid_client',
      50013,
      `Assertion is not valid. [Reason - The assertion with this 'jti' has been used before.] ${assertionHelp}`,
    ),
  certificateNotRegistered: (thumbprint: string | undefined, appId: string) =>
    new AadError(
      401,
      'invalid_client',
      700027,
      `The certificate with identifier used to sign the client assertion is not registered on application. ${keyReason('The key was not found.', thumbprint, `, Please visit the Azure Portal, Graph Explorer or directly use MS Graph to see configured keys for app Id '${quoted(appId)}'.`)}`,
    ),
  certificateExpired: (thumbprint: string, notBefore: number, notAfter: number) =>
    new AadError(
      401,
      'invalid_client',
      700027,
      `The certificate with identifier used to sign the client assertion is expired on application. ${keyReason('The key used is expired.', thumbprint, `, Found key 'Start=${instant(notBefore)}, End=${instant(notAfter)}'`)}`,
    ),
  certificateSignature: (thumbprint: string) =>
    new AadError(
      401,
      'invalid_client',
      700027,
      `Client assertion failed signature validation. ${keyReason('The provided signature value did not match the expected signature value.', thumbprint)}`,
    ),
  assertionAlgorithm: () =>
    new AadError(
      401,
      'invalid_client',
      700027,
      `Client assertion failed signature validation. ${keyReason('The signing algorithm is not supported.', undefined)}`,
    ),

  // Users
  invalidCredentials: () =>
    new AadError(400, 'invalid_grant', 50126, 'Error validating credentials due to invalid username or password.'),
  accountLocked: () =>
    new AadError(
      400,
      'invalid_grant',
      50053,
      "The account is locked, you've tried to sign in too many times with an incorrect user ID or password.",
    ),
  accountDisabled: () => new AadError(400, 'invalid_grant', 50057, 'The user account is disabled.'),
  passwordMustChange: () =>
    new AadError(400, 'invalid_grant', 50055, 'The password is expired. Sign in in a browser to set a new one.'),
  interactionRequired: () =>
    new AadError(400, 'interaction_required', 50058, 'A silent sign-in request was sent but no user is signed in.'),
  redirectUriMismatch: (redirectUri: string, clientId: string) =>
    new AadError(
      400,
      'invalid_request',
      50011,
      `The redirect URI '${quoted(redirectUri)}' specified in the request does not match the redirect URIs configured for the application '${quoted(clientId)}'. Make sure the redirect URI sent in the request matches one added to your application. Navigate to https://aka.ms/redirectUriMismatchError to learn more about how to troubleshoot this.`,
    ),
  unsupportedResponseMode: () =>
    new AadError(400, 'invalid_request', 70007, "The 'response_mode' is not one that is supported."),
  notPublicClient: (clientId: string) =>
    new AadError(
      401,
      'invalid_client',
      7000218,
      `The request body must contain the following parameter: 'client_assertion' or 'client_secret'. The application '${quoted(clientId)}' is not a public client.`,
    ),
  codeInvalid: () =>
    new AadError(
      400,
      'invalid_grant',
      9002313,
      'Invalid request. The authorization code is malformed, was not issued here, or was issued to another client.',
    ),
  codeRedeemed: () =>
    new AadError(
      400,
      'invalid_grant',
      54005,
      'OAuth2 Authorization code was already redeemed, please retry with a new valid code or use an existing refresh token.',
    ),
  codeExpired: () =>
    new AadError(
      400,
      'invalid_grant',
      70008,
      'The provided authorization code or refresh token has expired due to inactivity. Send a new interactive authorization request for this user and resource.',
    ),
  codeRedirectUri: () =>
    new AadError(
      400,
      'invalid_grant',
      500112,
      'The reply address does not match the reply address provided when requesting Authorization code.',
    ),
  codeChallengeMissing: () =>
    new AadError(
      400,
      'invalid_request',
      9002325,
      'Proof Key for Code Exchange is required for a public client: send a code_challenge with method S256.',
    ),
  codeVerifier: () =>
    new AadError(
      400,
      'invalid_grant',
      501481,
      'The Code_Verifier does not match the code_challenge supplied in the authorization request.',
    ),
  refreshTokenInvalid: () =>
    new AadError(
      400,
      'invalid_grant',
      70000,
      'Provided grant is invalid or malformed: the refresh token was not issued here, or was issued to another client.',
    ),
  refreshTokenExpired: () =>
    new AadError(
      400,
      'invalid_grant',
      700082,
      'The refresh token has expired due to inactivity. Send a new interactive authorization request for this user and resource.',
    ),
  refreshTokenRevoked: () =>
    new AadError(
      400,
      'invalid_grant',
      50173,
      'The provided grant has expired due to it being revoked, a fresh auth token is needed. The user might have changed or reset their password.',
    ),
  authorizationPending: () =>
    new AadError(
      400,
      'authorization_pending',
      70016,
      'OAuth 2.0 device flow error. Authorization is pending. Continue polling.',
    ),
  deviceCodeExpired: () =>
    new AadError(400, 'expired_token', 70020, 'The provided value for the device code has expired.'),
  deviceCodeInvalid: () =>
    new AadError(400, 'bad_verification_code', 70018, 'Invalid verification code: the device code is not known.'),
  deviceCodeDeclined: () =>
    new AadError(400, 'authorization_declined', 65004, 'User declined to consent to access the app.'),

  // Federated credentials
  noFederatedCredential: (issuer: string, subject: string, audience: string) =>
    new AadError(
      400,
      'invalid_request',
      70021,
      `No matching federated identity record found for presented assertion. Assertion Issuer: '${quoted(issuer)}'. Assertion Subject: '${quoted(subject)}'. Assertion Audience: '${quoted(audience)}'. https://learn.microsoft.com/entra/workload-id/workload-identity-federation`,
    ),
  federatedIssuer: (issuer: string) =>
    new AadError(
      401,
      'invalid_client',
      700211,
      `No matching federated identity record found for presented assertion issuer '${quoted(issuer)}'. ${federationHelp}`,
    ),
  federatedAudience: (audience: string) =>
    new AadError(
      401,
      'invalid_client',
      700212,
      `No matching federated identity record found for presented assertion audience '${quoted(audience)}'. ${federationHelp}`,
    ),
  federatedSubject: (subject: string) =>
    new AadError(
      401,
      'invalid_client',
      700213,
      `No matching federated identity record found for presented assertion subject '${quoted(subject)}'. ${federationHelp}`,
    ),
  federatedSubjectCase: (subject: string) =>
    new AadError(
      401,
      'invalid_client',
      7002138,
      `No matching federated identity record found for presented assertion subject '${quoted(subject)}'. The subject matches with case-insensitive comparison, but not with case-sensitive comparison. ${federationHelp}`,
    ),
  federatedSignature: (reason: string) =>
    new AadError(401, 'invalid_client', 50013, `Assertion failed signature validation. [Reason - ${reason}]`),
  externalIssuerFailed: () => new AadError(400, 'invalid_request', 501661, 'Request to External OIDC endpoint failed.'),
} as const

/** .NET's round-trip form with seven digits, as Entra prints instants; `milliseconds` since the epoch. */
function instant(milliseconds: number): string {
  const date = new Date(milliseconds)
  if (Number.isNaN(date.getTime())) return '9999-12-31T23:59:59.9999999Z'
  return date.toISOString().replace(/\.(\d{3})Z$/, '.$10000Z')
}
