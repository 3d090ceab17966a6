/** A secret's version and its place in a vault, as the data plane speaks of them. */

/** Everything about a version but its value. Times in seconds since the epoch, as on the wire. */
export interface SecretVersion {
  readonly name: string
  /** 32 hex. */
  readonly version: string
  readonly enabled: boolean
  readonly notBefore: number | null
  readonly expires: number | null
  readonly created: number
  readonly updated: number
  readonly contentType: string | null
  readonly tags: Readonly<Record<string, string>> | null
}

export interface OpenedSecret extends SecretVersion {
  readonly value: string
}

/** Milliseconds since the epoch. */
export interface Deletion {
  readonly deletedAt: number
  readonly scheduledPurgeAt: number
}

export interface DeletedSecret extends SecretVersion {
  readonly deletion: Deletion
}

export interface SecretAttributes {
  readonly enabled?: boolean
  readonly notBefore?: number
  readonly expires?: number
}

/** What a set says. */
export interface SecretInput {
  readonly value: string
  readonly contentType?: string
  readonly tags?: Readonly<Record<string, string>>
  readonly attributes: SecretAttributes
}

/** What an update says: what is absent stays as it was. */
export interface SecretChange {
  readonly contentType?: string
  readonly tags?: Readonly<Record<string, string>>
  readonly attributes: SecretAttributes
}
