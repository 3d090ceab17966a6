/** How long access tokens live, in seconds. */

/** Entra's tokens begin five minutes before they are issued, so that a service whose clock is behind takes them. */
export const backdatedSeconds = 300
/** Entra gives an application's tokens 60 to 90 minutes; the shorter one. */
export const applicationTokenSeconds = 3600
/** Azure's managed identity tokens live for 24 hours ("Managed identities for Azure resources FAQ"). */
export const managedIdentityTokenSeconds = 24 * 3600
/** From a token's `iat` to its `exp`, at most: how long a retired key stays published. */
export const longestTokenSeconds = managedIdentityTokenSeconds + backdatedSeconds
