/**
 * The secrets that the core shares with the processes beside it: derived from the master key, so that they are the same
 * at every start and kept nowhere.
 */
import { hkdfSync } from 'node:crypto'
import type { MasterKey } from '@keystead/store'

const derive = (masterKey: MasterKey, purpose: string): string =>
  Buffer.from(hkdfSync('sha256', masterKey.bytes, '', `keystead/${purpose}`, 32)).toString('base64')

export const azuriteSecret = (masterKey: MasterKey): string => derive(masterKey, 'azurite')
export const logsSecret = (masterKey: MasterKey): string => derive(masterKey, 'logs')
