/** The name of a method that is called, made safe once at the edge (pkg/messaging/method). */
import { goQuote } from '../log/go-quote.ts'

/** A name that no app is called with. The words are daprd's. */
export class MethodNameError extends Error {
  override readonly name = 'MethodNameError'
}

// biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what is looked for.
const controls = /[\x01-\x1f\x7f]/

/** The name without `..`, `.` and doubled slashes. Throws {@link MethodNameError}. */
export function normalizeMethod(method: string): string {
  if (/[#?\0]/.test(method)) throw new MethodNameError(`method contains forbidden character: ${goQuote(method)}`)
  const control = controls.exec(method)
  if (control) {
    const position = Buffer.byteLength(method.slice(0, control.index))
    throw new MethodNameError(`method contains control character at position ${position}: ${goQuote(method)}`)
  }
  return cleanRelative(method)
}

/** Go's `path.Clean`, with what would lead above the start left out, and nothing for an empty path. */
export function cleanRelative(path: string): string {
  const rooted = path.startsWith('/')
  const kept: string[] = []
  for (const segment of path.split('/')) {
    if (segment === '' || segment === '.') continue
    if (segment === '..') kept.pop()
    else kept.push(segment)
  }
  return rooted ? `/${kept.join('/')}` : kept.join('/')
}

const validInPath = /^[A-Za-z0-9\-._~!$&'()*+,;=:@[\]/%]*$/
const kept = /[^A-Za-z0-9\-._~$&+,/:;=@]/g

/**
 * A path as Go's HTTP client sends it: what is escaped well stays, everything else is escaped afresh. Undefined where
 * Go refuses it, for a percent sign that starts no escape.
 */
export function requestPath(path: string): string | undefined {
  if (/%(?![0-9a-fA-F]{2})/.test(path)) return undefined
  if (validInPath.test(path)) return path
  const bytes = Buffer.from(
    Buffer.from(path)
      .toString('latin1')
      .replace(/%([0-9a-fA-F]{2})/g, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16))),
    'latin1',
  ).toString('latin1')
  return bytes.replace(kept, (byte) => `%${byte.charCodeAt(0).toString(16).toUpperCase().padStart(2, '0')}`)
}
