/** The rows of v1: values as JSON, bytes as a JSON string of base64, and PostgreSQL's own row version as etag. */
import { EtagError } from '../../etag-error.ts'
import { quote } from '../../go/strconv.ts'
import { type Layout, ttlMetadata } from './layout.ts'
import { addRowId } from './migrations.ts'

export function layoutV1(table: string): Layout {
  return {
    table,
    migrationsKey: 'migrations',
    cleanupKey: 'last-cleanup',
    migrations: [
      async (run) => {
        await run(`CREATE TABLE IF NOT EXISTS ${table} (
          key text NOT NULL PRIMARY KEY,
          value jsonb NOT NULL,
          isbinary boolean NOT NULL,
          insertdate TIMESTAMP WITH TIME ZONE NOT NULL DEFAULT NOW(),
          updatedate TIMESTAMP WITH TIME ZONE NULL
        )`)
      },
      async (run) => {
        await run(`ALTER TABLE ${table} ADD COLUMN IF NOT EXISTS expiredate TIMESTAMP WITH TIME ZONE`)
      },
      addRowId(table, 'insertdate'),
    ],
    expires: 'expiredate',
    columns: 'value::text AS value, isbinary, xmin::text AS etag, expiredate',
    itemOf({ value, isbinary, etag, expiredate }) {
      const text = String(value)
      const data = isbinary === true ? Buffer.from(JSON.parse(text), 'base64') : Buffer.from(text)
      return { data, etag: String(etag), ...ttlMetadata(expiredate) }
    },
    write({ value, isJson }) {
      const bytes = Buffer.from(value.buffer, value.byteOffset, value.length)
      const json = isJson ? bytes.toString() : JSON.stringify(bytes.toString('base64'))
      return { columns: { value: '$2::jsonb', isbinary: '$3::boolean' }, values: [json, !isJson] }
    },
    changed: { updatedate: 'CURRENT_TIMESTAMP' },
    etagColumn: 'xmin::text',
    etagOf(etag) {
      const fail = (why: string): never => {
        throw new EtagError('invalid', `strconv.ParseUint: parsing ${quote(etag)}: ${why}`)
      }
      if (!/^\d+$/.test(etag)) fail('invalid syntax')
      if (BigInt(etag) > 0xffff_ffffn) fail('value out of range')
      return String(Number(etag))
    },
  }
}
