/** The errors of the secrets data plane, in Key Vault's own codes and words. */

/** An answer other than success: `{"error":{"code","message","innererror":{"code"}}}`. */
export class KeyVaultError extends Error {
  override readonly name = 'KeyVaultError'
  readonly status: number
  readonly code: string
  readonly innerCode: string | undefined
  readonly headers: Readonly<Record<string, string>>
  constructor(
    status: number,
    code: string,
    message: string,
    options: { readonly innerCode?: string; readonly headers?: Readonly<Record<string, string>> } = {},
  ) {
    super(message)
    this.status = status
    this.code = code
    this.innerCode = options.innerCode
    this.headers = options.headers ?? {}
  }

  toBody(): string {
    return JSON.stringify({
      error: {
        code: this.code,
        message: this.message,
        ...(this.innerCode === undefined ? {} : { innererror: { code: this.innerCode } }),
      },
    })
  }
}

/** What a caller wrote, short enough to be quoted back. */
function quoted(text: string): string {
  return text.length <= 256 ? text : `${text.slice(0, 256)}...`
}

export function badParameter(message: string): KeyVaultError {
  return new KeyVaultError(400, 'BadParameter', message)
}

export function invalidName(name: string): KeyVaultError {
  return badParameter(`The request URI contains an invalid name: ${quoted(name)}`)
}

/** What Key Vault answers when a path segment is neither a version nor an operation of the method. */
export function operationNotAllowed(method: string, operation: string): KeyVaultError {
  return badParameter(`Method ${method} does not allow operation '${quoted(operation)}'`)
}

export function apiVersionMissing(): KeyVaultError {
  return badParameter('api-version must be specified')
}

export function apiVersionUnknown(version: string, latest: string): KeyVaultError {
  return badParameter(
    `The specified version (${quoted(version)}) is not recognized. Consider using the latest supported version (${latest}).`,
  )
}

export function secretNotFound(nameAndVersion: string): KeyVaultError {
  return new KeyVaultError(
    404,
    'SecretNotFound',
    `A secret with (name/id) ${nameAndVersion} was not found in this key vault. If you recently deleted this secret you may be able to recover it using the correct recovery command. For help resolving this issue, please see https://go.microsoft.com/fwlink/?linkid=2125182`,
  )
}

export function deletedSecretNotFound(name: string): KeyVaultError {
  return new KeyVaultError(404, 'SecretNotFound', `Deleted Secret not found: ${name}`)
}

export function secretDisabled(): KeyVaultError {
  return new KeyVaultError(403, 'Forbidden', 'Operation get is not allowed on a disabled secret.', {
    innerCode: 'SecretDisabled',
  })
}

export function nameIsDeletedButRecoverable(name: string): KeyVaultError {
  return new KeyVaultError(
    409,
    'Conflict',
    `Secret ${name} is currently in a deleted but recoverable state, and its name cannot be reused; in this state, the secret can only be recovered or purged.`,
    { innerCode: 'ObjectIsDeletedButRecoverable' },
  )
}

/** `id` is the secret's URL with the version that was to be restored. */
export function restoreConflict(id: string): KeyVaultError {
  return new KeyVaultError(
    409,
    'Conflict',
    `There was a conflict restoring the secret '${id}'. This can happen if either: a second secret with the same name was created after the first secret was deleted; thus trying to restore a secret whose name is already in use. To fix this, rename the second secret to something else so that the restore works. The second probable cause of this exception is when multiple operations are performed in parallel against the secret. To avoid this error, perform operations against a secret in a sequential manner.`,
  )
}

/** `vault` is `NAME;location=REGION`. */
export function purgeProtected(vault: string): KeyVaultError {
  return new KeyVaultError(
    403,
    'Forbidden',
    `Operation "purge" is not allowed because purge protection is enabled for this vault. Key Vault service will automatically purge it after the retention period has passed. Vault: ${vault}`,
  )
}

export function vaultNotFound(name: string): KeyVaultError {
  return new KeyVaultError(404, 'VaultNotFound', `The vault '${quoted(name)}' was not found.`)
}

export function notImplemented(what: string): KeyVaultError {
  return new KeyVaultError(501, 'NotImplemented', `${what} is not implemented by this Key Vault.`)
}

export function bodyTooLarge(limit: number): KeyVaultError {
  return new KeyVaultError(
    413,
    'RequestEntityTooLarge',
    `The request body is larger than the maximum allowed size of ${limit} bytes.`,
  )
}

export function serviceUnavailable(message: string): KeyVaultError {
  return new KeyVaultError(503, 'ServiceUnavailable', message, { headers: { 'Retry-After': '1' } })
}

export function internalServerError(): KeyVaultError {
  return new KeyVaultError(500, 'InternalServerError', 'An internal server error occurred.')
}
