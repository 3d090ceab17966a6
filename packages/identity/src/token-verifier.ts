/** Verification of the bearer tokens that services are sent. */
import { type CryptoKey, compactVerify, decodeProtectedHeader } from 'jose'
import { LRUCache } from 'lru-cache'
import { z } from 'zod'
import { tokenIssuer } from './access-token.ts'
import { type Caller, TokenError, type TokenVerifier } from './caller.ts'
import type { SigningKeys } from './signing-keys.ts'

/** Longer than any token of ours by far; what is longer is refused before it is looked at. */
const longestToken = 16 * 1024
/** Characters of the signature that a token is looked up by: 256 bits that nobody but the issuer can choose. */
const lookupLength = 43
/** A token is put before the others at each so many uses: doing it at each costs more than finding the token. */
const usesPerMove = 8
/** A service's clock may be this far behind the issuer's, in seconds. Never applied to the expiry. */
const notBeforeSkew = 300

const claimsSchema = z.looseObject({
  aud: z.string(),
  iss: z.string(),
  exp: z.number(),
  nbf: z.number().optional(),
  oid: z.string().min(1),
  tid: z.string(),
  appid: z.string().optional(),
  azp: z.string().optional(),
  idtyp: z.string().optional(),
  upn: z.string().optional(),
  xms_mirid: z.string().optional(),
})

interface VerifiedToken {
  /** The whole header that it came in. */
  readonly authorization: string
  /** With the groups of its last use. */
  caller: Caller
  /** How often it was used, for its place among those remembered. */
  uses: number
  /** Without a trailing slash. */
  readonly audience: string
  readonly notBefore: number
}

export interface TokenVerifierOptions {
  readonly keys: SigningKeys
  readonly tenantId: string
  readonly clock: () => number
  /** The groups that an object is in now, nested ones included; the same array for as long as they are the same. */
  readonly groupsOf: (objectId: string) => readonly string[]
  /** Characters of the verified tokens that are remembered; default 16 million, some 10,000 tokens. */
  readonly remembered?: number
}

export function createTokenVerifier(options: TokenVerifierOptions): TokenVerifier {
  const { keys, tenantId, clock, groupsOf } = options
  const issuer = tokenIssuer(tenantId)
  const verified = new LRUCache<string, VerifiedToken>({
    maxSize: options.remembered ?? 16_000_000,
    sizeCalculation: (token) => token.authorization.length,
  })

  /**
   * The token that came in the very same header before. It is found by the end of its signature, and then the whole is
   * compared: hashing all of it each time would cost more than everything else here. Whoever can guess as far as the
   * comparison knows 256 bits of a signature.
   */
  function recall(authorization: string): VerifiedToken | undefined {
    const key = lookupKey(authorization)
    const known = verified.peek(key)
    if (known === undefined || known.authorization !== authorization) return undefined
    known.uses += 1
    if (known.uses % usesPerMove === 0) verified.get(key)
    return known
  }

  /** What has to hold on each use of a token whose signature is known to be good. */
  function check(token: VerifiedToken, audiences: readonly string[]): Caller {
    const now = clock() / 1000
    if (token.caller.expiresAt <= now) {
      verified.delete(lookupKey(token.authorization))
      throw new TokenError('expired', 'The token has expired.')
    }
    if (token.notBefore > now + notBeforeSkew) throw new TokenError('notYetValid', 'The token is not valid yet.')
    for (const audience of audiences) {
      if (withoutSlash(audience) !== token.audience) continue
      // Membership counts as it is now, not as it was when the token was issued.
      const groupIds = groupsOf(token.caller.objectId)
      if (groupIds !== token.caller.groupIds) token.caller = { ...token.caller, groupIds }
      return token.caller
    }
    throw new TokenError('audience', 'The token is for another audience.')
  }

  async function verifySignature(authorization: string, token: string): Promise<VerifiedToken> {
    const key = keyOf(token)
    const { payload } = await compactVerify(token, key, { algorithms: ['RS256'] }).catch(() => {
      throw new TokenError('signature', 'The signature of the token is not valid.')
    })
    const claims = parseClaims(payload)
    if (claims.iss !== issuer || claims.tid !== tenantId) {
      throw new TokenError('issuer', 'The token was not issued for this tenant.')
    }
    const appId = claims.appid ?? claims.azp
    if (!appId) throw new TokenError('malformed', 'The token names no application.')
    return {
      authorization,
      uses: 0,
      audience: withoutSlash(claims.aud),
      notBefore: claims.nbf ?? 0,
      caller: {
        tenantId,
        objectId: claims.oid,
        appId,
        issuer,
        groupIds: groupsOf(claims.oid),
        kind: claims.xms_mirid ? 'managedIdentity' : claims.idtyp === 'user' ? 'user' : 'application',
        ...(claims.upn ? { userPrincipalName: claims.upn } : {}),
        ...(claims.xms_mirid ? { managedIdentityResourceId: claims.xms_mirid } : {}),
        expiresAt: claims.exp,
      },
    }
  }

  /** The public key that the token's header names. Only RS256: `none`, and HMAC keyed with a public key, end here. */
  function keyOf(token: string): CryptoKey {
    let header: ReturnType<typeof decodeProtectedHeader>
    try {
      header = decodeProtectedHeader(token)
    } catch {
      throw new TokenError('malformed', 'The token is not a JSON Web Token.')
    }
    if (header.alg !== 'RS256') throw new TokenError('signature', 'The token is not signed with RS256.')
    const key = typeof header.kid === 'string' ? keys.publicKey(header.kid) : undefined
    if (!key) throw new TokenError('signature', 'The token is signed with a key that is not known.')
    return key
  }

  return {
    verify(authorization, audiences) {
      if (!authorization) throw new TokenError('missing', 'The request has no Authorization header.')
      if (authorization.length > longestToken) throw new TokenError('malformed', 'The token is too long.')
      const known = recall(authorization)
      if (known) return check(known, audiences)
      return verifySignature(authorization, bearerToken(authorization)).then((token) => {
        const caller = check(token, audiences)
        verified.set(lookupKey(authorization), token)
        return caller
      })
    },
  }
}

function lookupKey(authorization: string): string {
  return authorization.slice(-lookupLength)
}

/** RFC 6750 section 2.1. */
function bearerToken(authorization: string): string {
  const match = /^Bearer +([^\s]+)$/i.exec(authorization)
  if (!match?.[1]) throw new TokenError('malformed', 'The Authorization header is not a bearer token.')
  return match[1]
}

function parseClaims(payload: Uint8Array): z.infer<typeof claimsSchema> {
  try {
    return claimsSchema.parse(JSON.parse(Buffer.from(payload).toString('utf8')))
  } catch {
    throw new TokenError('malformed', 'The claims of the token are not of the expected form.')
  }
}

function withoutSlash(audience: string): string {
  return audience.endsWith('/') ? audience.slice(0, -1) : audience
}
