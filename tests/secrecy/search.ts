/** Looks for secrets in files and texts, however they may have been written down. */
import { readdir, readFile } from 'node:fs/promises'
import { join, relative } from 'node:path'

export interface Secret {
  readonly name: string
  readonly bytes: Buffer
}

export interface Place {
  readonly name: string
  readonly content: Buffer
}

export interface Finding {
  readonly secret: string
  readonly encoding: string
  readonly place: string
}

/** Shorter ones would be found by chance. */
const leastBytes = 12

export function secret(name: string, value: string | Uint8Array): Secret {
  const bytes = Buffer.from(value)
  if (bytes.length < leastBytes) throw new Error(`The secret '${name}' is too short to be looked for.`)
  return { name, bytes }
}

/** A text that is base64 of bytes, such as a storage account's key: both are looked for. */
export function keySecret(name: string, base64: string): readonly Secret[] {
  return [secret(name, base64), secret(`${name}, as bytes`, Buffer.from(base64, 'base64'))]
}

/** Where a secret is, each finding once. */
export function search(places: readonly Place[], secrets: readonly Secret[]): readonly Finding[] {
  const needles = secrets.flatMap(({ name, bytes }) =>
    encodingsOf(bytes).map(({ encoding, needle }) => ({ name, encoding, needle })),
  )
  return places.flatMap((place) => {
    const contents = [place.content, ...unwrapped(place.content)]
    return needles
      .filter(({ needle }) => contents.some((content) => content.includes(needle)))
      .map(({ name, encoding }) => ({ secret: name, encoding, place: place.name }))
  })
}

/** Every file under a folder; a file's name is looked through like its content. */
export async function filesUnder(folder: string): Promise<readonly Place[]> {
  const places: Place[] = []
  for (const entry of await readdir(folder, { recursive: true, withFileTypes: true })) {
    const path = join(entry.parentPath, entry.name)
    const name = relative(folder, path)
    places.push({ name: `name of ${name}`, content: Buffer.from(name) })
    if (!entry.isFile()) continue
    const content = await readFile(path).catch((error: NodeJS.ErrnoException) => {
      // Files come and go beside a process that runs.
      if (error.code === 'ENOENT') return undefined
      throw error
    })
    if (content) places.push({ name, content })
  }
  return places
}

/** PEM breaks base64 into lines, which a string in JSON holds as `\n`. */
function unwrapped(content: Buffer): readonly Buffer[] {
  if (!content.includes('-----BEGIN ')) return []
  return [Buffer.from(content.toString('latin1').replaceAll(/\r|\n|\\r|\\n/g, ''), 'latin1')]
}

function encodingsOf(bytes: Buffer): readonly { readonly encoding: string; readonly needle: Buffer }[] {
  const needles = new Map<string, { encoding: string; needle: Buffer }>()
  const add = (encoding: string, needle: string | Buffer): void => {
    const buffer = Buffer.from(needle)
    const key = buffer.toString('latin1')
    if (!needles.has(key)) needles.set(key, { encoding, needle: buffer })
  }
  add('raw', bytes)
  for (const before of [0, 1, 2]) {
    const base64 = base64Within(bytes, before)
    add('base64', base64)
    add('base64url', base64.replaceAll('+', '-').replaceAll('/', '_'))
    add('base64 in a URL', encodeURIComponent(base64))
    add('base64 in JSON', base64.replaceAll('/', '\\/'))
  }
  const hex = bytes.toString('hex')
  add('hex', hex)
  add('hex in capitals', hex.toUpperCase())
  const text = bytes.toString('utf8')
  if (!Buffer.from(text).equals(bytes)) return [...needles.values()]

  const component = encodeURIComponent(text)
  const strict = component.replaceAll(/[!'()*]/g, (character) => `%${character.charCodeAt(0).toString(16)}`)
  const form = new URLSearchParams({ v: text }).toString().slice(2)
  for (const encoded of [component, strict, form, form.replaceAll('+', '%20')]) {
    add('URL', encoded)
    add(
      'URL in small letters',
      encoded.replaceAll(/%[0-9A-F]{2}/gi, (code) => code.toLowerCase()),
    )
  }
  for (const json of jsonForms(text)) {
    add('JSON', json)
    // A JSON text inside another, as an error holds the answer that it is about.
    for (const nested of jsonForms(json)) add('JSON in JSON', nested)
  }
  return [...needles.values()]
}

/** The characters of base64 that depend on these bytes alone when `before` others (modulo 3) come first. */
function base64Within(bytes: Buffer, before: number): string {
  const encoded = Buffer.concat([Buffer.alloc(before), bytes]).toString('base64')
  const from = Math.ceil((before * 8) / 6)
  const until = Math.floor(((before + bytes.length) * 8) / 6)
  return encoded.slice(from, until)
}

/** The ways in which JSON writers escape: as little as they must, slashes too, for HTML as Go does, in ASCII only. */
function jsonForms(text: string): readonly string[] {
  const least = JSON.stringify(text).slice(1, -1)
  const code = (character: string): string => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`
  const html = least.replaceAll(/[<>&\u2028\u2029]/g, code)
  return [
    least,
    least.replaceAll('/', '\\/'),
    html,
    least.replaceAll(/[\u007f-\uffff]/g, code),
    html.replaceAll(/[\u007f-\uffff]/g, code),
  ]
}
