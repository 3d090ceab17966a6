/** The resource folders read once: every YAML document of every file, in order. */
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { splitDocuments } from './split-documents.ts'
import { parseYaml, YamlError } from './yaml.ts'

export interface ResourceDocument {
  readonly apiVersion: string
  readonly kind: string
  readonly name: string
  readonly namespace: string
  readonly body: unknown
}

export interface ResourceFile {
  readonly path: string
  readonly documents: readonly ResourceDocument[]
  /** Why documents could not be read, in Go's words. */
  readonly errors: readonly string[]
}

export interface ResourceFolder {
  readonly path: string
  readonly files: readonly ResourceFile[]
  /** Names of files that are not YAML. */
  readonly others: readonly string[]
  /** Files that could not be opened. */
  readonly unreadable: readonly { readonly path: string; readonly error: string }[]
}

/** Go's text of a failed system call, e.g. `open ./x: no such file or directory`. */
export class ResourcePathError extends Error {
  override readonly name = 'ResourcePathError'
}

/** Throws {@link ResourcePathError} when the folder itself cannot be read. */
export function readResourceFolder(path: string): ResourceFolder {
  let entries: { name: string; isDirectory(): boolean }[]
  try {
    entries = readdirSync(path, { withFileTypes: true })
  } catch (error) {
    throw new ResourcePathError(goFileError('open', path, error))
  }
  entries.sort((a, b) => (a.name < b.name ? -1 : 1))
  const files: ResourceFile[] = []
  const others: string[] = []
  const unreadable: { path: string; error: string }[] = []
  for (const entry of entries) {
    if (entry.isDirectory()) continue
    if (!/\.ya?ml$/i.test(entry.name)) {
      others.push(entry.name)
      continue
    }
    const file = join(path, entry.name)
    try {
      files.push(readDocuments(file, readFileSync(file, 'utf8')))
    } catch (error) {
      unreadable.push({ path: file, error: goFileError('open', file, error) })
    }
  }
  return { path, files, others, unreadable }
}

/** The documents of one file's text. */
export function readDocuments(path: string, text: string): ResourceFile {
  const documents: ResourceDocument[] = []
  const errors: string[] = []
  for (const part of splitDocuments(text)) {
    let body: unknown
    try {
      body = parseYaml(part)
    } catch (error) {
      if (!(error instanceof YamlError)) throw error
      errors.push(`error converting YAML to JSON: ${error.message}`)
      continue
    }
    const type = typeOf(body)
    if (typeof type === 'string') errors.push(type)
    else documents.push({ ...type, body })
  }
  return { path, documents, errors }
}

function typeOf(body: unknown): Omit<ResourceDocument, 'body'> | string {
  if (body === null || body === undefined) return { apiVersion: '', kind: '', name: '', namespace: '' }
  if (typeof body !== 'object' || Array.isArray(body)) {
    const kind = Array.isArray(body)
      ? 'array'
      : typeof body === 'boolean'
        ? 'bool'
        : typeof body === 'string'
          ? 'string'
          : 'number'
    return `error unmarshaling JSON: while decoding JSON: json: cannot unmarshal ${kind} into Go value of type struct { v1.TypeMeta "json:\\",inline\\""; v1.ObjectMeta "json:\\"metadata,omitzero\\"" }`
  }
  const top = body as Record<string, unknown>
  const metadata = (typeof top['metadata'] === 'object' && top['metadata'] !== null ? top['metadata'] : {}) as Record<
    string,
    unknown
  >
  for (const [value, field] of [
    [top['apiVersion'], 'apiVersion'],
    [top['kind'], 'kind'],
    [metadata['name'], 'metadata.name'],
    [metadata['namespace'], 'metadata.namespace'],
  ]) {
    if (value === undefined || typeof value !== 'object' || value === null) continue
    const kind = Array.isArray(value) ? 'array' : 'object'
    return `error unmarshaling JSON: while decoding JSON: json: cannot unmarshal ${kind} into Go struct field .${String(field)} of type string`
  }
  const text = (value: unknown) => (value === undefined || value === null ? '' : String(value))
  return {
    apiVersion: text(top['apiVersion']),
    kind: text(top['kind']),
    name: text(metadata['name']),
    namespace: text(metadata['namespace']),
  }
}

const errnoTexts: Readonly<Record<string, string>> = {
  ENOENT: 'no such file or directory',
  EACCES: 'permission denied',
  ENOTDIR: 'not a directory',
  EISDIR: 'is a directory',
  ELOOP: 'too many levels of symbolic links',
  EMFILE: 'too many open files',
}

/** A failed file operation in Go's `PathError` form. */
export function goFileError(operation: string, path: string, error: unknown): string {
  const code = error instanceof Error && 'code' in error ? String(error.code) : ''
  return `${operation} ${path}: ${errnoTexts[code] ?? (error instanceof Error ? error.message : String(error))}`
}
