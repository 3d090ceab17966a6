/** Device codes (RFC 8628): kept in memory, so that a restart asks the person to begin again. */
import { randomBytes, randomInt } from 'node:crypto'
import { LRUCache } from 'lru-cache'
import { aadErrors } from '../aadsts.ts'
import { sha256 } from '../digest.ts'

/** Entra's. */
export const deviceCodeSeconds = 900
export const pollSeconds = 5
/** Neither vowels nor what is taken for another character (RFC 8628 section 6.1). */
const alphabet = 'BCDFGHJKLMNPQRSTVWXZ23456789'
const userCodeLength = 9
/** Wrong codes that are looked up in a minute, of everybody together. */
const wrongCodesAMinute = 30

export interface DeviceGrant {
  readonly clientId: string
  readonly clientName: string
  readonly scope: string
  readonly tenant: string
  readonly userCode: string
}

interface KnownDevice {
  readonly grant: DeviceGrant
  readonly expiresAt: number
  state: 'pending' | 'declined' | { readonly userId: string; readonly signedInAt: number }
}

export class DeviceCodes {
  readonly #clock: () => number
  readonly #byDevice = new LRUCache<string, KnownDevice>({ max: 10_000 })
  readonly #byUser = new LRUCache<string, KnownDevice>({ max: 10_000 })
  #wrong = { since: 0, count: 0 }

  constructor(clock: () => number) {
    this.#clock = clock
  }

  issue(request: Omit<DeviceGrant, 'userCode'>): { deviceCode: string; userCode: string } {
    const deviceCode = randomBytes(32).toString('base64url')
    let userCode = ''
    while (userCode === '' || this.#byUser.has(userCode)) {
      userCode = Array.from({ length: userCodeLength }, () => alphabet[randomInt(alphabet.length)]).join('')
    }
    const known: KnownDevice = {
      grant: { ...request, userCode },
      expiresAt: this.#clock() + deviceCodeSeconds * 1000,
      state: 'pending',
    }
    this.#byDevice.set(sha256(deviceCode), known)
    this.#byUser.set(userCode, known)
    return { deviceCode, userCode }
  }

  /** What a person typed, with its case, spaces and dashes let be. `tooMany`: others guess, or this one does. */
  find(typed: string): DeviceGrant | 'unknown' | 'tooMany' {
    const now = this.#clock()
    if (now - this.#wrong.since > 60_000) this.#wrong = { since: now, count: 0 }
    if (this.#wrong.count >= wrongCodesAMinute) return 'tooMany'
    const known = this.#byUser.get(typed.toUpperCase().replaceAll(/[\s-]/g, '').slice(0, 64))
    if (known?.state === 'pending' && known.expiresAt > now) return known.grant
    this.#wrong.count++
    return 'unknown'
  }

  /** False when the code was used, or has expired, meanwhile. */
  decide(userCode: string, state: Exclude<KnownDevice['state'], 'pending'>): boolean {
    const known = this.#byUser.get(userCode)
    if (known?.state !== 'pending' || known.expiresAt <= this.#clock()) return false
    known.state = state
    return true
  }

  /** What the polling client gets. Throws {@link AadError} while there is nothing, or will be nothing. */
  redeem(deviceCode: string, clientId: string): DeviceGrant & { readonly userId: string; readonly signedInAt: number } {
    const digest = sha256(deviceCode)
    const known = this.#byDevice.get(digest)
    if (known?.grant.clientId !== clientId) throw aadErrors.deviceCodeInvalid()
    if (known.expiresAt <= this.#clock()) throw aadErrors.deviceCodeExpired()
    if (known.state === 'pending') throw aadErrors.authorizationPending()
    this.#byDevice.delete(digest)
    this.#byUser.delete(known.grant.userCode)
    if (known.state === 'declined') throw aadErrors.deviceCodeDeclined()
    return { ...known.grant, ...known.state }
  }
}
