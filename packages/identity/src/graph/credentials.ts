/** Client secrets and certificates of applications and of service principals: Graph has the same operations on both. */
import type { CredentialHolder } from '../tables.ts'
import { type KeyCredentialInput, keyIdInput, parseBody, passwordInput } from './bodies.ts'
import { graphErrors } from './graph-error.ts'
import { type GraphAnswer, noContent, ok } from './graph-request.ts'
import type { GraphContext } from './operations.ts'
import { instant } from './representation.ts'

/** Entra's default: two years. */
const defaultLifetime = 2 * 365 * 24 * 3600 * 1000
const longestLifetime = 100 * 365 * 24 * 3600 * 1000

export interface Holder {
  readonly appId: string
  readonly kind: CredentialHolder
}

/** `addPassword`: the answer is the only place where the secret is ever told. */
export async function addPassword(context: GraphContext, holder: Holder, body: unknown): Promise<GraphAnswer> {
  const input = body === undefined ? {} : parseBody(passwordInput, body)
  const now = context.clock()
  const end = input.passwordCredential?.endDateTime
  const expires = end ? Date.parse(end) : now + defaultLifetime
  if (expires <= now || expires - now > longestLifetime) throw graphErrors.invalidProperty('endDateTime')
  const { keyId, secretText } = await context.parts.credentials.addPassword(holder.appId, {
    displayName: input.passwordCredential?.displayName ?? '',
    lifetimeSeconds: (expires - now) / 1000,
    holder: holder.kind,
  })
  return ok({
    customKeyIdentifier: null,
    displayName: input.passwordCredential?.displayName ?? null,
    endDateTime: instant(expires),
    hint: secretText.slice(0, 3),
    keyId,
    secretText,
    startDateTime: instant(now),
  })
}

export async function removePassword(context: GraphContext, holder: Holder, body: unknown): Promise<GraphAnswer> {
  const { keyId } = parseBody(keyIdInput, body)
  const { credentials } = context.parts
  const rows = await credentials.passwords(holder.appId)
  const known = rows.find((row) => row.key_id === keyId.toLowerCase() && row.holder === holder.kind)
  if (!known) throw graphErrors.badRequest(`No credentials found to be removed.`)
  await credentials.removePassword(holder.appId, known.key_id)
  return noContent
}

/** The list replaces the one that was there: an entry without a key stands for the certificate that has its id. */
export async function replaceKeyCredentials(
  context: GraphContext,
  holder: Holder,
  wanted: readonly KeyCredentialInput[],
): Promise<void> {
  const { credentials } = context.parts
  const rows = await credentials.certificates(holder.appId)
  const existing = rows.filter((row) => row.holder === holder.kind)
  const kept = new Set<string>()
  // Added first: a certificate that is refused leaves those that there are.
  for (const entry of wanted) {
    const known = existing.find((row) => row.key_id === entry.keyId?.toLowerCase())
    if (known) {
      kept.add(known.key_id)
      continue
    }
    if (!entry.key || (entry.type && entry.type !== 'AsymmetricX509Cert')) {
      throw graphErrors.invalidProperty('keyCredentials')
    }
    const { keyId } = await credentials.addCertificate(holder.appId, certificateBytes(entry.key), {
      holder: holder.kind,
      ...(entry.displayName ? { displayName: entry.displayName } : {}),
      ...(entry.keyId ? { keyId: entry.keyId.toLowerCase() } : {}),
    })
    kept.add(keyId)
  }
  for (const row of existing) if (!kept.has(row.key_id)) await credentials.removeCertificate(holder.appId, row.key_id)
}

/** Base64 of the DER; of the PEM as well, which Graph takes too. */
function certificateBytes(key: string): Buffer {
  if (!/^[A-Za-z0-9+/=\s]+$/.test(key)) throw graphErrors.invalidProperty('keyCredentials')
  return Buffer.from(key, 'base64')
}
