/** Reads a PostgreSQL connection string, of words or as a URL, under the fields that win over it (components-contrib common/authentication/postgresql). */
import { ComponentError } from '../../component-error.ts'

/** Parameters by their names in a connection string of words, e.g. `host`, `dbname`, `sslmode`. */
export type ConnectionParameters = Readonly<Record<string, string>>

/** Fields of the metadata, by the parameter that they replace; an empty one replaces nothing. */
export type ConnectionFields = Readonly<
  Record<'host' | 'hostaddr' | 'port' | 'database' | 'user' | 'password' | 'sslrootcert', string>
>

/** @throws ComponentError, in which the connection string is not shown */
export function readConnectionString(text: string, fields: ConnectionFields): ConnectionParameters {
  const read = /^postgres(?:ql)?:\/\//.test(text) ? readUrl(text) : readWords(text)
  const given = Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== ''))
  const { database, hostaddr, ...parameters } = { ...read, ...given } as Record<string, string>
  if (Object.keys({ ...read, ...given }).length === 0) throw new ComponentError('failed to build connection string')
  return {
    ...parameters,
    ...(database !== undefined && { dbname: database }),
    ...(hostaddr !== undefined && { host: hostaddr }),
  }
}

/** `key=value` words as libpq reads them: quotes around a value with spaces, a backslash takes the next character literally. */
function readWords(text: string): ConnectionParameters {
  const parameters: Record<string, string> = {}
  const word = /\s*([^\s=]+)\s*=\s*(?:'((?:[^'\\]|\\.)*)'|((?:[^\s'\\]|\\.)*))(?=\s|$)/gsy
  const trimmed = text.trim()
  while (word.lastIndex < trimmed.length) {
    const match = word.exec(trimmed)
    if (match === null) throw new ComponentError('cannot parse the connection string: it is no list of key=value')
    const [, key = '', quoted, plain = ''] = match
    parameters[key] = (quoted ?? plain).replace(/\\(.)/gs, '$1')
  }
  return parameters
}

function readUrl(text: string): ConnectionParameters {
  if (!URL.canParse(text)) throw new ComponentError('invalid URL connection string: it can not be parsed')
  const { hostname, port, username, password, pathname, searchParams } = new URL(text)
  const dbname = decodeURIComponent(pathname.slice(1))
  const parts = {
    host: decodeURIComponent(hostname).replace(/^\[|\]$/g, ''),
    port,
    user: decodeURIComponent(username),
    password: decodeURIComponent(password),
    dbname,
  }
  return {
    ...Object.fromEntries(Object.entries(parts).filter(([, value]) => value !== '')),
    ...Object.fromEntries(searchParams),
  }
}
