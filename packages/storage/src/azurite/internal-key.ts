/** The key that Azurite knows an account by: derived, so that any account is known at once without a file. */
import { createHmac } from 'node:crypto'

/** 64 bytes for the account's name inside Azurite. None of it is ever a key that a user sees. */
export function deriveAzuriteKey(secret: string, internalName: string): Buffer {
  return createHmac('sha512', secret).update(`azurite-account\n${internalName}`).digest()
}
