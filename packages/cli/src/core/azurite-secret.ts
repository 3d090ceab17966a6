/** The secret that the core and Azurite share: derived from the master key, so that it is the same at every start and kept nowhere. */
import { hkdfSync } from 'node:crypto'
import type { MasterKey } from '@keystead/store'

export function azuriteSecret(masterKey: MasterKey): string {
  return Buffer.from(hkdfSync('sha256', masterKey.bytes, '', 'keystead/azurite', 32)).toString('base64')
}
