/** A stream in which Azurite's URLs become the ones clients know, whatever the chunks are. */
import { Transform } from 'node:stream'
import { internalUrls, longestInternalUrl } from '../accounts/internal-name.ts'

export function externalNames(): Transform {
  let held = ''
  function take(text: string, cut: number): { out: string; rest: string } {
    let out = ''
    let position = 0
    for (const { start, end, external } of internalUrls(text)) {
      if (start >= cut) break
      out += text.slice(position, start) + external
      position = end
    }
    const next = Math.max(position, cut)
    return { out: out + text.slice(position, next), rest: text.slice(next) }
  }
  return new Transform({
    transform(chunk: Buffer, _encoding, done) {
      const text = held + chunk.toString('latin1')
      const { out, rest } = take(text, Math.max(0, text.length - longestInternalUrl))
      held = rest
      done(null, Buffer.from(out, 'latin1'))
    },
    flush(done) {
      done(null, Buffer.from(take(held, held.length).out, 'latin1'))
    },
  })
}
