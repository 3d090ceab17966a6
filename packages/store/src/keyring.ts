/** 256 bits that wrap every data key. Never logged, never stored in the database. */
export interface MasterKey {
  readonly bytes: Uint8Array
}

/**
 * Encryption at rest: AES-256-GCM under named data keys, each wrapped by the master key.
 * `context` (for a secret: vault, name and version) is bound into the ciphertext as additional data, so that a
 * sealed value moved to another row does not open.
 */
export interface Keyring {
  /** Makes the data key `name` (idempotent), e.g. `vault:<resource id>`. */
  create(name: string): Promise<void>
  /** Forgets the data key: everything sealed under it is gone for good (a purged vault). */
  destroy(name: string): Promise<void>
  /** Synchronous once the key has been used: unwrapped data keys are held in memory. */
  seal(name: string, plaintext: Uint8Array, context: string): Uint8Array
  open(name: string, sealed: Uint8Array, context: string): Uint8Array
}
