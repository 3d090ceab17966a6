/** The rules of an app's secrets: which forms they have, what refers to them, and which of them may go. */
import type { Container, SecretBody, StoredApp, Template } from './app-body.ts'
import {
  keyVaultUrlInvalid,
  ruleIdentityMissing,
  secretIdentityMissing,
  secretInUse,
  secretInvalid,
  secretNameInvalid,
  secretRefNotFound,
} from './errors.ts'
import { type AssignedIdentities, isAssigned } from './identity.ts'
import type { Revision } from './revision-rules.ts'
import type { StoredSecret } from './secret-store.ts'

const nameForm = /^[a-z0-9](?:[a-z0-9.-]{0,251}[a-z0-9])?$/
const keyVaultUrlForm =
  /^https:\/\/[A-Za-z0-9-]{3,24}\.vault\.azure\.net\/secrets\/[A-Za-z0-9-]{1,127}(?:\/[A-Za-z0-9]{1,64})?\/?$/

/** The secrets of a body, each either a value or a reference. `identities` are those that a reference may name. */
export function readSecrets(
  secrets: readonly SecretBody[],
  identities: AssignedIdentities | undefined,
): readonly StoredSecret[] {
  const seen = new Set<string>()
  const invalid: string[] = []
  const read = secrets.flatMap(({ name, value, keyVaultUrl, identity }): StoredSecret[] => {
    if (!nameForm.test(name) || seen.has(name)) throw secretNameInvalid(name)
    seen.add(name)
    if (keyVaultUrl !== undefined && identity !== undefined) {
      if (!keyVaultUrlForm.test(keyVaultUrl)) throw keyVaultUrlInvalid(name)
      const own = identity.toLowerCase() === 'system'
      if (identities && !isAssigned(identities, identity)) throw secretIdentityMissing(name, identity)
      return [{ name, keyVaultUrl, identity: own ? 'system' : identity }]
    }
    if (value !== undefined && value !== '' && keyVaultUrl === undefined) return [{ name, value }]
    invalid.push(name)
    return []
  })
  if (invalid.length > 0) throw secretInvalid(invalid)
  return read
}

interface Reference {
  readonly secret: string
  /** e.g. `container 'web'`. */
  readonly of: string
}

function ofContainer({ name, env = [] }: Container): readonly Reference[] {
  return env.flatMap(({ secretRef }) =>
    secretRef === undefined ? [] : { secret: secretRef, of: `container '${name}'` },
  )
}

function ofTemplate({ containers, initContainers = [], scale, volumes = [] }: Template): readonly Reference[] {
  const rules = (scale.rules ?? []).flatMap(({ name, ...kinds }) =>
    Object.values(kinds).flatMap((kind) =>
      (kind?.auth ?? []).map(({ secretRef }) => ({ secret: secretRef, of: `scale rule '${name}'` })),
    ),
  )
  const mounted = volumes.flatMap(({ name, secrets = [] }) =>
    secrets.map(({ secretRef }) => ({ secret: secretRef, of: `volume '${name}'` })),
  )
  return [...[...containers, ...initContainers].flatMap(ofContainer), ...rules, ...mounted]
}

/** Throws when something of the app refers to a secret or an identity that it does not have. */
export function checkReferences({ template, configuration, identities }: StoredApp): void {
  const known = new Set((configuration.secrets ?? []).map(({ name }) => name))
  const registries = (configuration.registries ?? []).flatMap(({ server, passwordSecretRef }) =>
    passwordSecretRef === undefined ? [] : { secret: passwordSecretRef, of: `registry '${server}'` },
  )
  for (const { secret, of } of [...ofTemplate(template), ...registries]) {
    if (!known.has(secret)) throw secretRefNotFound(secret, of)
  }
  for (const { name, ...kinds } of template.scale.rules ?? []) {
    for (const kind of Object.values(kinds)) {
      if (kind?.identity && !isAssigned(identities, kind.identity)) throw ruleIdentityMissing(name, kind.identity)
    }
  }
}

/** Throws when a secret goes that an active revision refers to. */
export function checkRemoval(
  app: string,
  before: StoredApp['configuration']['secrets'],
  after: StoredApp['configuration']['secrets'],
  revisions: readonly Revision[],
): void {
  const kept = new Set((after ?? []).map(({ name }) => name))
  const removed = new Set((before ?? []).map(({ name }) => name).filter((name) => !kept.has(name)))
  const secrets = new Set<string>()
  const users: string[] = []
  for (const { name, active, template } of revisions) {
    if (!active) continue
    const used = ofTemplate(template).filter(({ secret }) => removed.has(secret))
    for (const { secret } of used) secrets.add(secret)
    if (used.length > 0) users.push(name)
  }
  if (users.length > 0) throw secretInUse(app, [...secrets], users)
}
