import { describe, expect, it } from 'vitest'
import { newInternalName } from '../accounts/internal-name.ts'
import { externalNames } from './external-names.ts'
import { ipAllowed, parseSasTime } from './sas.ts'
import { sharedKeyLiteStringToSign, sharedKeyStringToSign, sign, verifySharedKey } from './shared-key.ts'
import { encodePath, headerPairs, parseTarget } from './wire-request.ts'

describe('a request target', () => {
  it('is split as Azurite splits it, and encoded afresh to the same segments', () => {
    for (const [target, segments] of [
      ['/', []],
      ['/box', ['box']],
      ['/box/', ['box']],
      ['/box/a/b', ['box', 'a/b']],
      ['/box%2Fa%2Fb', ['box', 'a/b']],
      ['/box//a', ['box', '/a']],
      ['/box/a\\b', ['box', 'a/b']],
      ['/box/..%2fother', ['box', '../other']],
      ['https://orders.blob.core.windows.net/box/a', ['box', 'a']],
    ] as const) {
      const parsed = parseTarget('blob', target)
      expect([target, parsed.segments]).toEqual([target, segments])
      expect(parseTarget('blob', encodePath(parsed.segments)).segments).toEqual(segments)
    }
  })

  it('is refused when it decodes to nothing, or says something twice', () => {
    for (const target of ['/box/%', '/box/%ff', '/box/%00', 'box', '*']) {
      expect(() => parseTarget('blob', target)).toThrow(expect.objectContaining({ code: 'InvalidUri' }))
    }
    expect(() => parseTarget('blob', '/?a=1&A=2')).toThrow(
      expect.objectContaining({ code: 'InvalidQueryParameterValue' }),
    )
  })

  it('is refused with a deciding header given twice', () => {
    expect(() => headerPairs(['x-ms-copy-source', 'a', 'X-MS-Copy-Source', 'b'])).toThrow(
      expect.objectContaining({ code: 'InvalidHeaderValue' }),
    )
  })
})

describe('a shared key signature', () => {
  // The worked example of "Authorize with Shared Key" in the service's documentation.
  const request = {
    method: 'GET',
    rawPath: '/mycontainer',
    query: new Map([
      ['restype', 'container'],
      ['comp', 'metadata'],
      ['timeout', '20'],
    ]),
    headers: { 'x-ms-date': 'Fri, 26 Jun 2015 23:39:12 GMT', 'x-ms-version': '2015-02-21' },
  }

  it('is over the documented string', () => {
    expect(sharedKeyStringToSign(request, 'myaccount', 'culture')).toBe(
      'GET\n\n\n\n\n\n\n\n\n\n\n\nx-ms-date:Fri, 26 Jun 2015 23:39:12 GMT\nx-ms-version:2015-02-21\n/myaccount/mycontainer\ncomp:metadata\nrestype:container\ntimeout:20',
    )
    expect(sharedKeyLiteStringToSign(request, 'myaccount', 'culture')).toBe(
      'GET\n\n\n\nx-ms-date:Fri, 26 Jun 2015 23:39:12 GMT\nx-ms-version:2015-02-21\n/myaccount/mycontainer?comp=metadata',
    )
  })

  it('holds by either key, in either order of header names, in either scheme, and not otherwise', () => {
    const keys = [Buffer.alloc(64, 1), Buffer.alloc(64, 2)]
    const headers = { ...request.headers, 'x-ms-meta-a-c': '1', 'x-ms-meta-ab': '2', 'x-ms-meta-a_d': '3' }
    for (const order of ['culture', 'ordinal'] as const) {
      keys.forEach((key, index) => {
        const full = sign(key, sharedKeyStringToSign({ ...request, headers }, 'acct', order))
        expect(verifySharedKey({ ...request, headers }, 'acct', 'SharedKey', full, keys)).toBe(index)
        const lite = sign(key, sharedKeyLiteStringToSign({ ...request, headers }, 'acct', order))
        expect(verifySharedKey({ ...request, headers }, 'acct', 'SharedKeyLite', lite, keys)).toBe(index)
        expect(verifySharedKey({ ...request, headers }, 'acct', 'SharedKey', lite, keys)).toBeUndefined()
        expect(verifySharedKey(request, 'acct', 'SharedKey', full, keys)).toBeUndefined()
        expect(verifySharedKey({ ...request, headers }, 'other', 'SharedKey', full, keys)).toBeUndefined()
      })
    }
  })
})

describe('SAS fields', () => {
  it('take the times the service takes', () => {
    expect(parseSasTime('2025-01-02')).toBe(Date.UTC(2025, 0, 2))
    expect(parseSasTime('2025-01-02T03:04Z')).toBe(Date.UTC(2025, 0, 2, 3, 4))
    expect(parseSasTime('2025-01-02T03:04:05.1234567Z')).toBe(Date.UTC(2025, 0, 2, 3, 4, 5, 123))
    for (const text of ['', 'tomorrow', '2025-13-01', '2025-01-02T25:00Z']) {
      expect([text, parseSasTime(text)]).toEqual([text, undefined])
    }
  })

  it('compare addresses by number', () => {
    expect(ipAllowed('10.0.0.9-10.0.0.20', '10.0.0.10')).toBe(true)
    expect(ipAllowed('10.0.0.9-10.0.0.20', '10.0.0.100')).toBe(false)
    expect(ipAllowed('10.0.0.1', '10.0.0.1')).toBe(true)
    expect(ipAllowed('10.0.0.1', '::1')).toBe(false)
    expect(ipAllowed('999.0.0.1-x', '10.0.0.1')).toBe(false)
  })
})

describe("Azurite's names in an answer", () => {
  it('become the client’s own, wherever the chunks are cut', async () => {
    const internal = newInternalName('orders')
    const text = `<R ServiceEndpoint="http://${internal}.blob.core.windows.net/${internal}"><CopySource>https://${internal}.blob.core.windows.net/c/b</CopySource><Name>é ${internal}</Name></R>`
    const expected = `<R ServiceEndpoint="https://orders.blob.core.windows.net/"><CopySource>https://orders.blob.core.windows.net/c/b</CopySource><Name>é ${internal}</Name></R>`
    const bytes = Buffer.from(text)
    for (let size = 1; size < bytes.length; size += 7) {
      const stream = externalNames()
      for (let i = 0; i < bytes.length; i += size) stream.write(bytes.subarray(i, i + size))
      stream.end()
      const chunks: Buffer[] = []
      for await (const chunk of stream) chunks.push(chunk)
      expect(Buffer.concat(chunks).toString('utf8')).toBe(expected)
    }
  })
})
