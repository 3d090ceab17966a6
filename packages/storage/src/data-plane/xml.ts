/** The few XML documents that are read here. */
import { parseXML } from '@azure/core-xml'
import type { StoredAccessPolicy } from './authentication.ts'
import { invalidXml } from './storage-error.ts'

function child(value: unknown, name: string): unknown {
  return typeof value === 'object' && value !== null ? (value as Record<string, unknown>)[name] : undefined
}

function text(value: unknown): string {
  return typeof value === 'string' ? value : typeof value === 'number' ? String(value) : ''
}

function list(value: unknown): readonly unknown[] {
  return value === undefined || value === '' ? [] : Array.isArray(value) ? value : [value]
}

async function parse(document: string): Promise<unknown> {
  // No document here has one: an entity that expands is an attack.
  if (/<!DOCTYPE/i.test(document)) throw invalidXml()
  try {
    return await parseXML(document)
  } catch {
    throw invalidXml()
  }
}

/** `<KeyInfo>` of Get User Delegation Key. */
export async function parseKeyInfo(document: string): Promise<{ start: string; expiry: string }> {
  const root = await parse(document)
  return { start: text(child(root, 'Start')), expiry: text(child(root, 'Expiry')) }
}

/** `<SignedIdentifiers>` of an ACL, by id. */
export async function parseSignedIdentifiers(document: string): Promise<ReadonlyMap<string, StoredAccessPolicy>> {
  const root = await parse(document)
  const policies = new Map<string, StoredAccessPolicy>()
  for (const identifier of list(child(root, 'SignedIdentifier'))) {
    const policy = child(identifier, 'AccessPolicy')
    policies.set(text(child(identifier, 'Id')), {
      start: text(child(policy, 'Start')),
      expiry: text(child(policy, 'Expiry')),
      permissions: text(child(policy, 'Permission')),
    })
  }
  return policies
}

export interface ListedResource {
  readonly name: string
  readonly lastModified: string
  readonly etag: string
  readonly leaseStatus: string
  readonly leaseState: string
  readonly publicAccess: string
  readonly metadata: Readonly<Record<string, string>>
}

/** `<EnumerationResults>` of List Containers or List Queues. */
export async function parseListing(
  document: string,
  kind: 'Container' | 'Queue',
): Promise<{ resources: readonly ListedResource[]; marker: string }> {
  const root = await parse(document)
  const resources = list(child(child(root, `${kind}s`), kind)).map((item) => {
    const properties = child(item, 'Properties')
    const metadata = child(item, 'Metadata')
    return {
      name: text(child(item, 'Name')),
      lastModified: text(child(properties, 'Last-Modified')),
      etag: text(child(properties, 'Etag')),
      leaseStatus: text(child(properties, 'LeaseStatus')),
      leaseState: text(child(properties, 'LeaseState')),
      publicAccess: text(child(properties, 'PublicAccess')),
      metadata:
        typeof metadata === 'object' && metadata !== null
          ? Object.fromEntries(Object.entries(metadata).map(([name, value]) => [name, text(value)]))
          : {},
    }
  })
  return { resources, marker: text(child(root, 'NextMarker')) }
}
