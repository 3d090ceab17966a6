/**
 * Reads Key Vault references without a version again, period by period, and restarts the revisions whose variables were
 * made from another value. A reference with a version stays as it is.
 */
import { createHash } from 'node:crypto'
import type { Host } from './host.ts'
import type { AppSecret, RevisionSpec } from './platform.ts'
import type { Revision } from './revision.ts'
import type { Revisions } from './revisions.ts'
import { SecretUnavailable } from './secret-values.ts'

/** Digests of values by {@link referenceKey}: what a variable was made from is not kept. */
export type ReferenceDigests = ReadonlyMap<string, string>

export type VaultSecret = Extract<AppSecret, { readonly keyVaultUrl: string }>

/** Those of a revision that are read again: without a version, and used in a variable. */
export function watchedReferences(spec: RevisionSpec): readonly VaultSecret[] {
  const used = new Set(
    [...spec.containers, ...spec.initContainers].flatMap(({ variables }) =>
      variables.flatMap((variable) => ('secretRef' in variable ? [variable.secretRef] : [])),
    ),
  )
  return spec.secrets.filter(
    (secret): secret is VaultSecret =>
      'keyVaultUrl' in secret && used.has(secret.name) && /\/secrets\/[^/]+\/?$/.test(secret.keyVaultUrl),
  )
}

export function referenceKey({ keyVaultUrl, identity }: VaultSecret): string {
  return `${identity.toLowerCase()} ${keyVaultUrl}`
}

export function digestOf(value: string): string {
  return createHash('sha256').update(value).digest('base64')
}

/** Answers how to stop. */
export function watchReferences(revisions: Revisions, host: Host): () => void {
  let busy = false
  const timer = setInterval(() => {
    // A vault that is away holds up one round, not several.
    if (busy) return
    busy = true
    void readAgain(revisions.all(), host).finally(() => {
      busy = false
    })
  }, host.settings.keyVaultPeriodMs).unref()
  return () => clearInterval(timer)
}

async function readAgain(revisions: readonly Revision[], host: Host): Promise<void> {
  const reads = new Map<string, Promise<string | undefined>>()
  await Promise.all(
    revisions.map(async (revision) => {
      const { spec } = revision
      const fresh = new Map<string, string>()
      for (const reference of watchedReferences(spec)) {
        const key = referenceKey(reference)
        let read = reads.get(key)
        if (!read) {
          read = digestNow(reference, spec, host)
          reads.set(key, read)
        }
        const digest = await read
        if (digest !== undefined) fresh.set(key, digest)
      }
      if (!revision.usesOther(fresh)) return
      // What keeps the new replicas from running is in the revision's status, and the old ones go on.
      await revision.restart().catch(() => undefined)
    }),
  )
}

/** Undefined when it can not be read now, which the app's system log tells. */
async function digestNow(
  reference: VaultSecret,
  { place, name }: RevisionSpec,
  host: Host,
): Promise<string | undefined> {
  try {
    return digestOf(await host.vault.readAnew(place.appId, reference.keyVaultUrl, reference.identity))
  } catch (error) {
    if (!(error instanceof SecretUnavailable)) throw error
    const message = `The secret '${reference.name}' can not be read again. ${error.message}`
    host.logs.event(place, {
      time: host.clock(),
      type: 'Warning',
      reason: 'KeyVaultSecretSyncFailed',
      message,
      revision: name,
      count: 1,
    })
    return undefined
  }
}
