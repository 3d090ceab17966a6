/** The resource store on the database: one row per resource, its key the id in lower case. */
import { randomUUID } from 'node:crypto'
import type { Store } from '@keystead/store'
import { preconditionFailed } from './arm-errors.ts'
import { withoutNulls } from './json.ts'
import type { Resource, ResourceStore } from './resource-store.ts'
import type { ResourceManagerTables, ResourceRow } from './tables.ts'

type Attributes = Readonly<Record<string, unknown>>

export function openResourceStore(store: Store): ResourceStore {
  const db = store.database<ResourceManagerTables>()

  // Built once: two of these stand on every request's way.
  const byId = store.prepareFirst(db.selectFrom('resources').selectAll().where('id_key', '=', '').compile())
  const get = async (id: string): Promise<Resource | undefined> => {
    const row = await byId(key(id))
    return row === undefined ? undefined : fromRow(row)
  }

  return {
    get,

    async put(resource, options = {}) {
      const row = toRow(resource, `"${randomUUID()}"`)
      const { ifMatch, ifNoneMatch } = options
      if (ifNoneMatch === '*') {
        const inserted = await db
          .insertInto('resources')
          .values(row)
          .onConflict((conflict) => conflict.column('id_key').doNothing())
          .returning('etag')
          .executeTakeFirst()
        if (inserted === undefined) throw preconditionFailed('If-None-Match', '*')
        return fromRow(row)
      }
      // The case in which an id, name and type were first written stays.
      const { id_key: _key, id: _id, name: _name, type: _type, ...changes } = row
      if (ifMatch !== undefined) {
        const updated = await db
          .updateTable('resources')
          .set(changes)
          .where('id_key', '=', row.id_key)
          .$if(ifMatch !== '*', (query) => query.where('etag', '=', ifMatch))
          .returningAll()
          .executeTakeFirst()
        if (updated === undefined) throw preconditionFailed('If-Match', ifMatch)
        return fromRow(updated)
      }
      const written = await db
        .insertInto('resources')
        .values(row)
        .onConflict((conflict) => conflict.column('id_key').doUpdateSet(changes))
        .returningAll()
        .executeTakeFirstOrThrow()
      return fromRow(written)
    },

    async delete(id) {
      const row = await db.deleteFrom('resources').where('id_key', '=', key(id)).returningAll().executeTakeFirst()
      return row === undefined ? undefined : fromRow(row)
    },

    async findByName(type, name) {
      const row = await db
        .selectFrom('resources')
        .selectAll()
        .where('type_key', '=', key(type))
        .where('name_key', '=', key(name))
        .orderBy('id_key')
        .executeTakeFirst()
      return row === undefined ? undefined : fromRow(row)
    },

    async list({ below, type, name, after, limit }) {
      let query = db.selectFrom('resources').selectAll().orderBy('id_key')
      if (below !== undefined && key(below) !== '') {
        // `0` is the character after `/`: the range holds every id below this one, and an index serves it.
        query = query.where('id_key', '>', `${key(below)}/`).where('id_key', '<', `${key(below)}0`)
      }
      if (type !== undefined) query = query.where('type_key', '=', key(type))
      if (name !== undefined) query = query.where('name_key', '=', key(name))
      if (after !== undefined) query = query.where('id_key', '>', key(after))
      if (limit !== undefined) query = query.limit(limit)
      return (await query.execute()).map(fromRow)
    },
  }
}

function key(text: string): string {
  const lower = text.toLowerCase()
  return lower.endsWith('/') ? lower.slice(0, -1) : lower
}

function toRow(resource: Omit<Resource, 'etag'>, etag: string): ResourceRow {
  const text = (value: Attributes | undefined) => (value === undefined ? null : JSON.stringify(withoutNulls(value)))
  return {
    id_key: key(resource.id),
    type_key: key(resource.type),
    name_key: key(resource.name),
    id: resource.id,
    name: resource.name,
    type: resource.type,
    location: resource.location ?? null,
    kind: resource.kind ?? null,
    tags: text(resource.tags),
    sku: text(resource.sku),
    identity: text(resource.identity),
    properties: text(resource.properties) ?? '{}',
    etag,
  }
}

function fromRow(row: ResourceRow): Resource {
  return {
    id: row.id,
    name: row.name,
    type: row.type,
    ...(row.location !== null && { location: row.location }),
    ...(row.tags !== null && { tags: JSON.parse(row.tags) as Record<string, string> }),
    ...(row.kind !== null && { kind: row.kind }),
    ...(row.sku !== null && { sku: JSON.parse(row.sku) as Attributes }),
    ...(row.identity !== null && { identity: JSON.parse(row.identity) as Attributes }),
    properties: JSON.parse(row.properties) as Attributes,
    etag: row.etag,
  }
}
