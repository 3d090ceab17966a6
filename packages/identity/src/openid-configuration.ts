/** The discovery documents of the token service (OpenID Connect Discovery 1.0; msal's instance discovery). */
import { tokenIssuer } from './access-token.ts'
import { authorityHosts } from './authority.ts'

export interface ConfigurationRequest {
  /** The scheme with the host that documents name. */
  readonly base: string
  /** The same for the pages that a person's browser opens, which need not have the client's proxy. */
  readonly signInBase: string
  /** The tenant as endpoints spell it: its id, `common` or `organizations`. */
  readonly tenant: string
  /** In issuers: the tenant's id, or Entra's placeholder `{tenantid}` where the tenant is not fixed. */
  readonly issuerTenant: string
  readonly version: 'v1' | 'v2'
}

/** `/.well-known/openid-configuration`, as Entra words it for what is implemented here. */
export function openIdConfiguration({ base, signInBase, tenant, issuerTenant, version }: ConfigurationRequest) {
  const v2 = version === 'v2'
  const path = `/${tenant}/oauth2${v2 ? '/v2.0' : ''}`
  const oauth2 = `${base}${path}`
  return {
    token_endpoint: `${oauth2}/token`,
    token_endpoint_auth_methods_supported: ['client_secret_post', 'private_key_jwt', 'client_secret_basic'],
    jwks_uri: v2 ? `${base}/${tenant}/discovery/v2.0/keys` : `${base}/${tenant}/discovery/keys`,
    response_modes_supported: ['query', 'fragment', 'form_post'],
    subject_types_supported: ['pairwise'],
    id_token_signing_alg_values_supported: ['RS256'],
    response_types_supported: ['code'],
    scopes_supported: ['openid', 'profile', 'email', 'offline_access'],
    issuer: v2 ? `https://${authorityHosts[0]}/${issuerTenant}/v2.0` : tokenIssuer(issuerTenant),
    request_uri_parameter_supported: false,
    authorization_endpoint: `${signInBase}${path}/authorize`,
    end_session_endpoint: `${signInBase}${path}/logout`,
    device_authorization_endpoint: `${oauth2}/devicecode`,
    claims_supported: [
      'sub',
      'iss',
      'aud',
      'exp',
      'iat',
      'nbf',
      'nonce',
      'name',
      'preferred_username',
      'tid',
      'oid',
      'appid',
      'appidacr',
      'idtyp',
      'ver',
    ],
    tenant_region_scope: null,
    cloud_instance_name: 'microsoftonline.com',
    cloud_graph_host_name: 'graph.windows.net',
    msgraph_host: 'graph.microsoft.com',
    rbac_url: 'https://pas.windows.net',
  }
}

/** `/common/discovery/instance`: which hosts are one cloud, and where a tenant's configuration is. */
export function instanceDiscovery(base: string, tenant: string) {
  return {
    tenant_discovery_endpoint: `${base}/${tenant}/v2.0/.well-known/openid-configuration`,
    'api-version': '1.1',
    metadata: [
      { preferred_network: authorityHosts[0], preferred_cache: 'login.windows.net', aliases: [...authorityHosts] },
    ],
  }
}
