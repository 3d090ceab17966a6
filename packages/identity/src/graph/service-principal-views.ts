/** Service principals with what other tables know of them: their application's names, the resource of an identity. */
import type { DirectoryParts } from '../directory/directory-objects.ts'
import type { ServicePrincipalRow } from '../tables.ts'
import type { GraphObject } from './filter.ts'
import * as shown from './representation.ts'

export interface ServicePrincipalViews {
  /** Without credentials: for filters. */
  outline(rows: readonly ServicePrincipalRow[]): Promise<GraphObject[]>
  complete(rows: readonly ServicePrincipalRow[], withKey?: boolean): Promise<GraphObject[]>
}

export function servicePrincipalViews(tenantId: string, parts: DirectoryParts): ServicePrincipalViews {
  const { principals, managedIdentities, credentials } = parts

  async function namesOf(rows: readonly ServicePrincipalRow[]): Promise<Map<string, readonly string[]>> {
    const names = new Map<string, readonly string[]>()
    const [only, second] = rows
    const applications =
      only === undefined
        ? []
        : second === undefined
          ? [await principals.application({ appId: only.app_id })]
          : await principals.applicationRows()
    for (const application of applications) {
      if (application) names.set(application.app_id, identifierUris(shown.propertiesOf(application)))
    }
    return names
  }

  async function views(
    rows: readonly ServicePrincipalRow[],
    known: shown.Credentials,
    withKey: boolean,
  ): Promise<GraphObject[]> {
    const names = await namesOf(rows)
    return rows.map((row) => {
      const identity = managedIdentities.byClientId(row.app_id)
      return shown.servicePrincipal(
        row,
        {
          tenantId,
          identifierUris: names.get(row.app_id) ?? [],
          ...(identity ? { resourceId: identity.resourceId, userAssigned: identity.kind === 'UserAssigned' } : {}),
        },
        known,
        withKey,
      )
    })
  }

  return {
    outline: (rows) => views(rows, shown.noCredentials, false),
    async complete(rows, withKey = false) {
      const [only, second] = rows
      if (only === undefined) return []
      const known =
        second === undefined
          ? {
              passwords: await credentials.passwords(only.app_id),
              certificates: await credentials.certificates(only.app_id),
            }
          : await credentials.all()
      return views(rows, known, withKey)
    },
  }
}

export function identifierUris(properties: Readonly<Record<string, unknown>>): readonly string[] {
  const { identifierUris: uris } = properties
  return Array.isArray(uris) ? uris.filter((uri) => typeof uri === 'string') : []
}
