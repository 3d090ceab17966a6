/** The name an account has inside Azurite: the visible one with a generation, so that a deleted account's data never returns under a new account of its name. */
import { randomBytes } from 'node:crypto'

export function newInternalName(name: string): string {
  return `${name}xks${randomBytes(6).toString('hex')}`
}

/** An internal host in a URL of Azurite's, with the account once more in the path as Azurite writes service endpoints. */
const internalUrl =
  /https?:\/\/([a-z0-9]{3,24})xks[0-9a-f]{12}\.(blob|queue)\.core\.windows\.net\/(?:\1xks[0-9a-f]{12}\/?)?/g

/** Longer than any match of the pattern. */
export const longestInternalUrl = 160

/** Every internal URL in the text, from `start`, with what it is for clients. */
export function* internalUrls(text: string): Generator<{ start: number; end: number; external: string }> {
  for (const match of text.matchAll(internalUrl)) {
    const [whole, name, service] = match
    yield {
      start: match.index,
      end: match.index + whole.length,
      external: `https://${name}.${service}.core.windows.net/`,
    }
  }
}

/** The text with every internal URL as clients know it. */
export function toExternal(text: string): string {
  return text.replace(
    internalUrl,
    (_whole, name: string, service: string) => `https://${name}.${service}.core.windows.net/`,
  )
}
