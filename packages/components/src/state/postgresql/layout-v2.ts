/** The rows of v2: values as bytes, and a random UUID as etag. */
import { EtagError } from '../../etag-error.ts'
import { type Layout, ttlMetadata } from './layout.ts'
import { addRowId } from './migrations.ts'

const uuid = /^(?:urn:uuid:)?\{?[0-9a-f]{8}-?[0-9a-f]{4}-?[0-9a-f]{4}-?[0-9a-f]{4}-?[0-9a-f]{12}\}?$/i

export function layoutV2(prefix: string): Layout {
  const table = `${prefix}state`
  return {
    table,
    migrationsKey: `migrations-state-v2-${prefix}`,
    cleanupKey: `last-cleanup-state-v2-${prefix}`,
    migrations: [
      async (run) => {
        await run(`CREATE TABLE IF NOT EXISTS ${table} (
          key text NOT NULL PRIMARY KEY,
          value bytea NOT NULL,
          etag uuid NOT NULL DEFAULT gen_random_uuid(),
          created_at timestamp with time zone NOT NULL DEFAULT now(),
          updated_at timestamp with time zone,
          expires_at timestamp with time zone
        )`)
        await run(`CREATE INDEX ON ${table} (expires_at)`)
      },
      addRowId(table, 'created_at'),
    ],
    expires: 'expires_at',
    columns: 'value, etag::text AS etag, expires_at',
    itemOf: ({ value, etag, expires_at }) => ({
      data: value as Buffer,
      etag: String(etag),
      ...ttlMetadata(expires_at),
    }),
    write: ({ value }) => ({
      columns: { value: '$2::bytea', etag: 'gen_random_uuid()' },
      values: [Buffer.from(value.buffer, value.byteOffset, value.length)],
    }),
    changed: { updated_at: 'now()' },
    etagColumn: 'etag::text',
    etagOf(etag) {
      if (!uuid.test(etag)) throw new EtagError('mismatch', 'invalid UUID format')
      const digits = etag.toLowerCase().replace(/^urn:uuid:|[{}-]/g, '')
      return digits.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5')
    },
  }
}
