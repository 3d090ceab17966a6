/** The api-versions of the data plane that clients are known to send. */
import { apiVersionMissing, apiVersionUnknown } from './key-vault-error.ts'

const latest = '2026-04-01'

const known = new Set([
  '2016-10-01',
  '7.0',
  '7.1',
  '7.2',
  '7.3',
  '7.4',
  '7.5',
  '7.6',
  '7.6-preview.1',
  '7.6-preview.2',
  '2025-06-01-preview',
  '2025-07-01',
  latest,
])

const alone = 'api-version='

/** Looks for the version in a raw query. Throws Key Vault's error when it is absent or unknown. */
export function checkApiVersion(query: string): void {
  // What clients send for a secret is the version and nothing else.
  if (query.startsWith(alone) && known.has(query.slice(alone.length))) return
  const version = new URLSearchParams(query).get('api-version')
  if (version === null || version === '') throw apiVersionMissing()
  if (!known.has(version)) throw apiVersionUnknown(version, latest)
}
