/**
 * The upgrade of a connection from HTTP/1.1 to HTTP/2 (RFC 7540, section 3.2). Node's HTTP/2 cannot begin with a request
 * that came by HTTP/1.1, so that request is put into the caller's bytes as what it stands for: its first stream.
 */
import type { IncomingMessage } from 'node:http'
import { Transform } from 'node:stream'

export const switching = 'HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\n'

/** A request with a body, or with any other upgrade, is served as it came, which the RFC leaves to the server. */
export function asksForHttp2({ headers, headersDistinct }: IncomingMessage): boolean {
  const tokens = (headers.connection ?? '').toLowerCase().split(/\s*,\s*/)
  return (
    headers.upgrade?.toLowerCase() === 'h2c' &&
    tokens.includes('upgrade') &&
    tokens.includes('http2-settings') &&
    headersDistinct['http2-settings']?.length === 1 &&
    (headers['content-length'] ?? '0') === '0' &&
    headers['transfer-encoding'] === undefined
  )
}

const prefaceLength = 24
const frameHeaderLength = 9
const largestFrame = 16_384

/** The caller's bytes with its first request behind its settings, which have to come first. */
export function withFirstStream(request: IncomingMessage): Transform {
  let begun: Buffer | undefined = Buffer.alloc(0)
  return new Transform({
    transform(chunk: Buffer, _encoding, done) {
      if (begun === undefined) {
        done(null, chunk)
        return
      }
      begun = Buffer.concat([begun, chunk])
      const settings = begun.length < prefaceLength + 3 ? 0 : begun.readUIntBE(prefaceLength, 3)
      // HTTP/2 itself refuses what is longer than any first frame may be.
      if (settings > largestFrame) {
        done(null, begun)
        begun = undefined
        return
      }
      const end = prefaceLength + frameHeaderLength + settings
      if (begun.length < end) {
        done()
        return
      }
      const bytes = Buffer.concat([begun.subarray(0, end), headersFrame(request), begun.subarray(end)])
      begun = undefined
      done(null, bytes)
    },
  })
}

const notForwarded = new Set([
  'connection',
  'host',
  'http2-settings',
  'upgrade',
  'keep-alive',
  'proxy-connection',
  'te',
])

/** HEADERS of stream 1, which ends with it. No name or value gets into HPACK's table, so the caller's own stays right. */
function headersFrame({ method, url, headers, rawHeaders }: IncomingMessage): Buffer {
  const pairs = [
    [':method', method ?? 'GET'],
    [':scheme', 'http'],
    [':path', url ?? '/'],
    [':authority', headers.host ?? ''],
  ]
  for (let i = 0; i + 1 < rawHeaders.length; i += 2) {
    const name = rawHeaders[i]?.toLowerCase() ?? ''
    if (!notForwarded.has(name)) pairs.push([name, rawHeaders[i + 1] ?? ''])
  }
  const block = Buffer.concat(pairs.flatMap((pair) => [Buffer.of(0), ...pair.map(hpackString)]))
  const head = Buffer.alloc(frameHeaderLength)
  head.writeUIntBE(block.length, 0, 3)
  head[3] = 1 // HEADERS
  head[4] = 0x5 // END_STREAM | END_HEADERS
  head.writeUInt32BE(1, 5)
  return Buffer.concat([head, block])
}

/** RFC 7541, sections 5.1 and 5.2, without Huffman coding. */
function hpackString(value: string): Buffer {
  const bytes = Buffer.from(value, 'latin1')
  if (bytes.length < 0x7f) return Buffer.concat([Buffer.of(bytes.length), bytes])
  const length = [0x7f]
  let rest = bytes.length - 0x7f
  for (; rest >= 0x80; rest >>>= 7) length.push((rest & 0x7f) | 0x80)
  return Buffer.concat([Buffer.from([...length, rest]), bytes])
}
