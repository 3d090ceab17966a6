/** Who a token request's client is, proved by its secret or its assertion. */

import { aadErrors, isGuid } from './aadsts.ts'
import type { ClientAuthentication, TokenSubject } from './access-token.ts'
import type { ApplicationCredentials } from './application-credentials.ts'
import { readAssertion } from './assertion-claims.ts'
import { verifyCertificateAssertion } from './certificate-assertion.ts'
import { SecretVerifier } from './client-secret.ts'
import type { ExternalIssuers } from './external-issuer.ts'
import { verifyFederatedAssertion } from './federated-assertion.ts'
import type { ManagedIdentities } from './managed-identities.ts'
import type { Principals } from './principals.ts'
import type { TokenRequest } from './token-request.ts'
import type { UsedAssertions } from './used-assertions.ts'

export interface ClientAuthenticatorOptions {
  readonly tenantId: string
  readonly clock: () => number
  readonly principals: Principals
  readonly managedIdentities: ManagedIdentities
  readonly credentials: ApplicationCredentials
  readonly issuers: ExternalIssuers
  readonly usedAssertions: UsedAssertions
  readonly log: (level: 'info' | 'warn' | 'error', message: string, fields?: Record<string, unknown>) => void
}

export interface AuthenticatedClient {
  readonly subject: TokenSubject
  readonly authentication: ClientAuthentication
}

const jwtBearer = 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer'

export class ClientAuthenticator {
  readonly #options: ClientAuthenticatorOptions
  readonly #secrets = new SecretVerifier()

  constructor(options: ClientAuthenticatorOptions) {
    this.#options = options
  }

  /** `audience` is what the token will be for. Throws {@link AadError}. */
  async authenticate(request: TokenRequest, audience: string): Promise<AuthenticatedClient> {
    const { client_id: clientId, client_secret: secret, client_assertion: assertion } = request
    if (clientId === undefined) throw aadErrors.missingParameter('client_id')
    const subject = await this.#subject(clientId)
    if (assertion !== undefined) {
      if (request.client_assertion_type === undefined) throw aadErrors.missingParameter('client_assertion_type')
      if (request.client_assertion_type !== jwtBearer) throw aadErrors.unsupportedAssertionType()
      await this.#verifyAssertion(subject, assertion, audience)
      return { subject, authentication: '2' }
    }
    if (secret === undefined) throw aadErrors.missingCredential()
    await this.#verifySecret(subject.appId, secret)
    return { subject, authentication: '1' }
  }

  async #subject(clientId: string): Promise<TokenSubject> {
    const { principals, managedIdentities, tenantId } = this.#options
    const principal = isGuid(clientId) ? await principals.servicePrincipal({ appId: clientId }) : undefined
    if (!principal) throw aadErrors.applicationNotFound(clientId, tenantId)
    const identity = managedIdentities.byClientId(principal.appId)
    return {
      objectId: principal.objectId,
      appId: principal.appId,
      ...(identity ? { managedIdentityResourceId: identity.resourceId } : {}),
    }
  }

  async #verifySecret(appId: string, secret: string): Promise<void> {
    const { credentials, clock } = this.#options
    const rows = await credentials.passwords(appId)
    const found = await this.#secrets.find(
      appId,
      secret,
      rows.map((row) => ({ keyId: row.key_id, hint: row.hint, hash: row.hash, expiresAt: Number(row.expires_at) })),
    )
    if (!found) throw aadErrors.wrongSecret(appId)
    if (found.expiresAt <= clock()) throw aadErrors.expiredSecret(appId)
  }

  async #verifyAssertion(subject: TokenSubject, assertion: string, audience: string): Promise<void> {
    const { credentials, clock, tenantId, issuers, usedAssertions, log } = this.#options
    const { appId } = subject
    const claims = readAssertion(assertion)
    // An issuer that is a URL is another OIDC issuer; an application that signs for itself names its id.
    if (URL.canParse(claims.issuer) && !isGuid(claims.issuer)) {
      const federated = await credentials.federated(appId)
      await verifyFederatedAssertion({ assertion, claims, credentials: federated, issuers, now: clock(), log })
      return
    }
    const certificates = await credentials.certificates(appId)
    await verifyCertificateAssertion({ assertion, claims, appId, tenantId, certificates, now: clock() })
    await usedAssertions.use(appId, assertion, claims, audience)
  }
}
