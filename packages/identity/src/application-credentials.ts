/** The credentials of applications, as token requests are checked against them. */
import { randomUUID, X509Certificate } from 'node:crypto'
import type { Store } from '@keystead/store'
import { z } from 'zod'
import { hashSecret, makeSecret, secretHint } from './client-secret.ts'
import { DirectoryError } from './directory-error.ts'
import type { CertificateRow, CredentialHolder, IdentityTables, PasswordRow } from './tables.ts'

export interface FederatedCredential {
  readonly name: string
  readonly issuer: string
  readonly subject: string
  readonly audiences: readonly string[]
  /** Microsoft Graph's; made when it is missing. */
  readonly id?: string
  readonly description?: string
}

const audiencesSchema = z.array(z.string())

/** Twenty credentials of a kind an application, as Entra limits federated ones. */
const most = 20

export class ApplicationCredentials {
  readonly #database
  readonly #clock: () => number

  constructor(store: Store, clock: () => number) {
    this.#database = store.database<IdentityTables>()
    this.#clock = clock
  }

  passwords(appId: string): Promise<PasswordRow[]> {
    return this.#database.selectFrom('identity_passwords').selectAll().where('app_id', '=', appId).execute()
  }

  certificates(appId: string): Promise<CertificateRow[]> {
    return this.#database.selectFrom('identity_certificates').selectAll().where('app_id', '=', appId).execute()
  }

  /** Of every application, for a list of them. */
  async all(): Promise<{ passwords: PasswordRow[]; certificates: CertificateRow[] }> {
    return {
      passwords: await this.#database.selectFrom('identity_passwords').selectAll().execute(),
      certificates: await this.#database.selectFrom('identity_certificates').selectAll().execute(),
    }
  }

  async federated(appId: string): Promise<FederatedCredential[]> {
    const rows = await this.#database
      .selectFrom('identity_federated_credentials')
      .selectAll()
      .where('app_id', '=', appId)
      .execute()
    return rows.map((row) => ({
      name: row.name,
      issuer: row.issuer,
      subject: row.subject,
      audiences: audiencesSchema.parse(JSON.parse(row.audiences)),
      description: row.description,
      ...(row.id === null ? {} : { id: row.id }),
    }))
  }

  async addPassword(
    appId: string,
    options: {
      readonly displayName: string
      readonly lifetimeSeconds: number
      readonly holder?: CredentialHolder
    },
  ): Promise<{ keyId: string; secretText: string }> {
    if (!(options.lifetimeSeconds > 0))
      throw new DirectoryError('invalid', 'A client secret needs a lifetime above zero.')
    if ((await this.passwords(appId)).length >= most) throw tooMany('client secrets')
    const keyId = randomUUID()
    const secretText = makeSecret()
    const now = this.#clock()
    await this.#database
      .insertInto('identity_passwords')
      .values({
        key_id: keyId,
        app_id: appId,
        display_name: options.displayName,
        hint: secretHint(secretText),
        hash: await hashSecret(secretText),
        created_at: now,
        expires_at: now + Math.floor(options.lifetimeSeconds * 1000),
        holder: options.holder ?? 'application',
      })
      .execute()
    return { keyId, secretText }
  }

  async removePassword(appId: string, keyId: string): Promise<boolean> {
    const result = await this.#database
      .deleteFrom('identity_passwords')
      .where('app_id', '=', appId)
      .where('key_id', '=', keyId)
      .executeTakeFirst()
    return result.numDeletedRows > 0n
  }

  /** The same certificate again keeps its key id. */
  async addCertificate(
    appId: string,
    certificatePem: string | Uint8Array,
    options: { readonly displayName?: string; readonly holder?: CredentialHolder; readonly keyId?: string } = {},
  ): Promise<{ keyId: string }> {
    const certificate = parseCertificate(certificatePem)
    if ((await this.certificates(appId)).length >= most) throw tooMany('certificates')
    const thumbprint = hexToBase64url(certificate.fingerprint256)
    await this.#database
      .insertInto('identity_certificates')
      .values({
        key_id: options.keyId ?? randomUUID(),
        app_id: appId,
        display_name: options.displayName ?? certificate.subject,
        holder: options.holder ?? 'application',
        certificate_pem: certificate.toString(),
        thumbprint_sha1: hexToBase64url(certificate.fingerprint),
        thumbprint_sha256: thumbprint,
        not_before: Date.parse(certificate.validFrom),
        not_after: Date.parse(certificate.validTo),
      })
      .onConflict((conflict) => conflict.columns(['app_id', 'thumbprint_sha256']).doNothing())
      .execute()
    const row = await this.#database
      .selectFrom('identity_certificates')
      .select('key_id')
      .where('app_id', '=', appId)
      .where('thumbprint_sha256', '=', thumbprint)
      .executeTakeFirstOrThrow()
    return { keyId: row.key_id }
  }

  async removeCertificate(appId: string, keyId: string): Promise<boolean> {
    const result = await this.#database
      .deleteFrom('identity_certificates')
      .where('app_id', '=', appId)
      .where('key_id', '=', keyId)
      .executeTakeFirst()
    return result.numDeletedRows > 0n
  }

  /** A credential of the same name is replaced. */
  async addFederated(appId: string, credential: FederatedCredential): Promise<void> {
    if (!isHttpsUrl(credential.issuer)) throw new DirectoryError('invalid', 'The issuer is not an https URL.')
    if (credential.subject === '') throw new DirectoryError('invalid', 'The subject is empty.')
    if (credential.audiences.length === 0) throw new DirectoryError('invalid', 'There is no audience.')
    if (credential.name === '') throw new DirectoryError('invalid', 'The name is empty.')
    const existing = await this.federated(appId)
    if (existing.length >= most && !existing.some((other) => other.name === credential.name)) {
      throw tooMany('federated credentials')
    }
    if (
      existing.some(
        (other) =>
          other.name !== credential.name && other.issuer === credential.issuer && other.subject === credential.subject,
      )
    ) {
      throw new DirectoryError('conflict', 'Another federated credential has this issuer and subject.')
    }
    const values = {
      issuer: credential.issuer,
      subject: credential.subject,
      audiences: JSON.stringify(credential.audiences),
      description: credential.description ?? '',
    }
    const id = credential.id ?? existing.find((other) => other.name === credential.name)?.id ?? randomUUID()
    await this.#database
      .insertInto('identity_federated_credentials')
      .values({ app_id: appId, name: credential.name, id, ...values })
      .onConflict((conflict) => conflict.columns(['app_id', 'name']).doUpdateSet({ id, ...values }))
      .execute()
  }

  async removeFederated(appId: string, name: string): Promise<boolean> {
    const result = await this.#database
      .deleteFrom('identity_federated_credentials')
      .where('app_id', '=', appId)
      .where('name', '=', name)
      .executeTakeFirst()
    return result.numDeletedRows > 0n
  }
}

function tooMany(kind: string): DirectoryError {
  return new DirectoryError('invalid', `An application can have ${most} ${kind} at most.`)
}

function parseCertificate(pem: string | Uint8Array): X509Certificate {
  let certificate: X509Certificate
  try {
    certificate = new X509Certificate(pem)
  } catch (error) {
    throw new DirectoryError(
      'invalid',
      `The certificate cannot be read: ${error instanceof Error ? error.message : ''}`,
    )
  }
  const { asymmetricKeyType, asymmetricKeyDetails } = certificate.publicKey
  if (asymmetricKeyType !== 'rsa' || (asymmetricKeyDetails?.modulusLength ?? 0) < 2048) {
    throw new DirectoryError('invalid', 'The certificate needs an RSA key of at least 2048 bits.')
  }
  return certificate
}

/** `AB:CD:…` as base64url of the bytes. */
function hexToBase64url(fingerprint: string): string {
  return Buffer.from(fingerprint.replaceAll(':', ''), 'hex').toString('base64url')
}

function isHttpsUrl(text: string): boolean {
  return URL.canParse(text) && new URL(text).protocol === 'https:'
}
