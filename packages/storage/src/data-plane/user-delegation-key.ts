/** Get User Delegation Key, answered here: Azurite's own derives from a constant in its package. */
import type { Caller } from '@keystead/identity'
import { type Account, delegationKey } from '../accounts/account.ts'
import { parseSasTime } from './sas.ts'
import { escapeXml, invalidInput } from './storage-error.ts'
import { parseKeyInfo } from './xml.ts'

const longest = 7 * 24 * 60 * 60 * 1000
const version = '2020-12-06'

/** The XML answer: a key bound to the caller, this account and the window asked for (at most 7 days from now). */
export async function userDelegationKeyXml(
  account: Account,
  caller: Caller,
  body: string,
  apiVersion: string | undefined,
  now: number,
): Promise<string> {
  const { start, expiry } = await parseKeyInfo(body)
  const ends = parseSasTime(expiry)
  const begins = start === '' ? now : parseSasTime(start)
  if (ends === undefined || begins === undefined) throw invalidInput('Start and Expiry must be ISO 8601 dates.')
  if (ends <= now || ends <= begins) throw invalidInput('Expiry must be after Start and in the future.')
  if (ends - now > longest || ends - begins > longest) throw invalidInput('Expiry must be within 7 days.')
  const seconds = (time: number) => `${new Date(time).toISOString().slice(0, 19)}Z`
  const fields = {
    objectId: caller.objectId,
    tenantId: caller.tenantId,
    start: seconds(begins),
    expiry: seconds(ends),
    service: 'b',
    version: apiVersion ?? version,
  }
  const element = (name: string, value: string) => `<${name}>${escapeXml(value)}</${name}>`
  return `<?xml version="1.0" encoding="utf-8"?><UserDelegationKey>${[
    element('SignedOid', fields.objectId),
    element('SignedTid', fields.tenantId),
    element('SignedStart', fields.start),
    element('SignedExpiry', fields.expiry),
    element('SignedService', fields.service),
    element('SignedVersion', fields.version),
    element('Value', delegationKey(account, fields).toString('base64')),
  ].join('')}</UserDelegationKey>`
}
