/** A secret's backup: all its versions sealed into one opaque blob, which only vaults of the same subscription open. */
import { randomUUID } from 'node:crypto'
import type { Keyring } from '@keystead/store'
import { z } from 'zod'
import { badParameter } from './key-vault-error.ts'
import type { BackedUpVersion } from './secret-repository.ts'
import type { Vault } from './vault.ts'

const magic = Buffer.from('KeysteadKeyVaultSecretBackupV1.')
const context = 'secret-backup/1'

const contents = z.object({
  versions: z
    .array(
      z.object({
        name: z.string(),
        version: z.string(),
        enabled: z.boolean(),
        notBefore: z.number().nullable(),
        expires: z.number().nullable(),
        created: z.number(),
        updated: z.number(),
        contentType: z.string().nullable(),
        tags: z.record(z.string(), z.string()).nullable(),
        value: z.string(),
      }),
    )
    .min(1),
})

/** The blob as the wire carries it, in base64url. */
export function sealBackup(keyring: Keyring, vault: Vault, versions: readonly BackedUpVersion[]): string {
  const plain = Buffer.from(JSON.stringify({ id: randomUUID(), versions }))
  return Buffer.concat([magic, keyring.seal(vault.backupKey, plain, context)]).toString('base64url')
}

/** The versions in a blob. Throws BadParameter for one that was altered, or made in another subscription or tenant. */
export function openBackup(
  keyring: Keyring,
  vault: Vault,
  blob: string,
): readonly [BackedUpVersion, ...BackedUpVersion[]] {
  const bytes = Buffer.from(blob, 'base64url')
  if (!bytes.subarray(0, magic.byteLength).equals(magic)) throw malformed()
  let plain: Uint8Array
  try {
    plain = keyring.open(vault.backupKey, bytes.subarray(magic.byteLength), context)
  } catch {
    throw malformed()
  }
  const { versions } = contents.parse(JSON.parse(Buffer.from(plain).toString('utf8')))
  const [first, ...rest] = versions
  if (first === undefined) throw malformed()
  return [first, ...rest]
}

function malformed() {
  return badParameter(
    'Backup blob is corrupt, or was not made from a vault in this subscription and this Microsoft Entra tenant.',
  )
}
