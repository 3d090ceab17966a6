/** SAS tokens made for callers who may list an account's keys (listAccountSas, listServiceSas). */
import { ArmError } from '@keystead/resource-manager'
import type { Account } from '../accounts/account.ts'
import { accountSasStringToSign, parseSasTime, readSas, serviceSasStringToSign } from '../data-plane/sas.ts'
import { sign } from '../data-plane/shared-key.ts'
import type { AccountSasBody, ServiceSasBody } from './account-properties.ts'

const version = '2022-11-02'

function withSignature(
  fields: Readonly<Record<string, string | undefined>>,
  stringToSign: (sas: NonNullable<ReturnType<typeof readSas>>) => string,
  key: Uint8Array,
): string {
  const query = new Map<string, string>([['sv', version]])
  for (const [name, value] of Object.entries(fields)) if (value !== undefined) query.set(name, value)
  const sas = readSas(new Map([...query, ['sig', '-']]))
  if (sas === undefined) throw new ArmError(400, 'InvalidValuesForRequestParameters', 'The SAS is not valid.')
  query.set('sig', sign(key, stringToSign(sas)))
  return [...query].map(([name, value]) => `${name}=${encodeURIComponent(value)}`).join('&')
}

function time(name: string, value: string | undefined): string | undefined {
  if (value === undefined) return undefined
  const milliseconds = parseSasTime(value)
  if (milliseconds === undefined) {
    throw new ArmError(400, 'InvalidValuesForRequestParameters', `Values for request parameters are invalid: ${name}.`)
  }
  return `${new Date(milliseconds).toISOString().slice(0, 19)}Z`
}

function keyOf(account: Account, name: 'key1' | 'key2' | undefined): Uint8Array {
  return account.keys[name === 'key2' ? 1 : 0].value
}

export function accountSasToken(account: Account, body: AccountSasBody): string {
  return withSignature(
    {
      ss: body.signedServices,
      srt: body.signedResourceTypes,
      sp: body.signedPermission,
      st: time('signedStart', body.signedStart),
      se: time('signedExpiry', body.signedExpiry),
      sip: body.signedIp,
      spr: body.signedProtocol,
    },
    (sas) => accountSasStringToSign(sas, account.name),
    keyOf(account, body.keyToSign),
  )
}

export function serviceSasToken(account: Account, body: ServiceSasBody): string {
  const match = /^\/(blob|queue)\/([a-z0-9]+)\/(.+)$/.exec(body.canonicalizedResource)
  if (match?.[2] !== account.name) {
    throw new ArmError(
      400,
      'InvalidValuesForRequestParameters',
      'Values for request parameters are invalid: canonicalizedResource.',
    )
  }
  const service = match[1] === 'queue' ? 'queue' : 'blob'
  return withSignature(
    {
      sr: service === 'blob' ? body.signedResource : undefined,
      sp: body.signedPermission,
      st: time('signedStart', body.signedStart),
      se: time('signedExpiry', body.signedExpiry),
      sip: body.signedIp,
      spr: body.signedProtocol,
      si: body.signedIdentifier,
      rscc: body.rscc,
      rscd: body.rscd,
      rsce: body.rsce,
      rscl: body.rscl,
      rsct: body.rsct,
    },
    (sas) => serviceSasStringToSign(sas, service, body.canonicalizedResource, ''),
    keyOf(account, body.keyToSign),
  )
}
