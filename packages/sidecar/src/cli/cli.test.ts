import { describe, expect, it } from 'vitest'
import { formatGoDuration, parseGoDuration } from './go-duration.ts'
import { readSidecarOptions, readSizes } from './options.ts'
import { parseFlags, usage } from './parse-flags.ts'
import { parseQuantity } from './quantity.ts'

const read = (...args: string[]) => {
  const flags = parseFlags(args)
  return readSidecarOptions(flags, readSizes(flags), { NAMESPACE: 'ns' })
}

describe('flags', () => {
  it('are read as pflag reads them, with one dash or two', () => {
    const options = read(
      '-app-id',
      'a',
      '--dapr-http-port=3600',
      '--resources-path',
      'x,y',
      '--resources-path=z',
      '--enable-metrics=false',
      '--app-max-concurrency',
      '-1',
    )
    expect(options).toMatchObject({
      appId: 'a',
      namespace: 'ns',
      httpPort: 3600,
      resourcesPaths: ['x', 'y', 'z'],
      metricsEnabled: false,
      appMaxConcurrency: 0,
      listenAddresses: [''],
      apiLogging: undefined,
      maxBodyBytes: 4 << 20,
      gracefulShutdownMs: 5000,
    })
  })

  it('that are not acted on are named once, when they ask for something', () => {
    const { unsupported } = read(
      '--app-id',
      'a',
      '--placement-host-address',
      'localhost:50005',
      '--enable-mtls=false',
      '--scheduler-job-streams',
      '3',
    )
    expect(unsupported).toEqual(['--placement-host-address is accepted and has no effect: actors are not served yet'])
  })

  it('of old are taken with a notice', () => {
    const flags = parseFlags(['--app-id', 'a', '--components-path', 'c', '--dapr-http-max-request-size', '2'])
    expect(flags.notices).toEqual([
      'Flag --components-path has been deprecated, use --resources-path',
      "Flag --dapr-http-max-request-size has been deprecated, use '--max-body-size 4Mi'",
    ])
    expect(readSizes(flags).maxBodyBytes).toBe(2 << 20)
    expect(readSidecarOptions(flags, readSizes(flags), {}).resourcesPaths).toEqual(['c'])
  })

  it("that are wrong are refused in pflag's words", () => {
    expect(() => parseFlags(['--nope=1'])).toThrow('unknown flag: --nope')
    expect(() => parseFlags(['--app-id'])).toThrow('flag needs an argument: --app-id')
    expect(() => parseFlags(['--enable-metrics=maybe'])).toThrow(
      'invalid argument "maybe" for "--enable-metrics" flag: strconv.ParseBool: parsing "maybe": invalid syntax',
    )
    expect(() => parseFlags(['--dapr-block-shutdown-duration', '5'])).toThrow('time: invalid duration "5"')
    expect(() => read('--app-id', 'a', '--app-port', '3500')).toThrow(
      "the 'dapr-http-port' argument value 3500 conflicts with 'app-port'",
    )
    expect(() => read('--app-id', 'a', '--app-protocol', 'ftp')).toThrow("invalid value for 'app-protocol': ftp")
    expect(() => read('--app-id', 'a', '--dapr-http-port', 'x')).toThrow(
      'error parsing dapr-http-port flag: strconv.Atoi: parsing "x": invalid syntax',
    )
  })

  it('are listed by --help, the hidden and the deprecated left out', () => {
    expect(parseFlags(['--help']).help).toBe(true)
    expect(usage()).toContain('--app-id string')
    expect(usage()).not.toContain('--components-path')
  })
})

describe('durations', () => {
  it.each([
    ['5s', 5000, '5s'],
    ['1h15m30.5s', 4_530_500, '1h15m30.5s'],
    ['1m', 60_000, '1m0s'],
    ['1.5ms', 1.5, '1.5ms'],
    ['100us', 0.1, '100µs'],
    ['0', 0, '0s'],
    ['-2s', -2000, '-2s'],
  ])('%s', (text, milliseconds, shown) => {
    expect(parseGoDuration(text)).toBe(milliseconds)
    expect(formatGoDuration(milliseconds)).toBe(shown)
  })

  it.each(['', '5', 's', '5 s', '1h1', 'abc'])('%j is none', (text) => {
    expect(parseGoDuration(text)).toBeUndefined()
  })
})

describe('quantities', () => {
  it.each([
    ['4Mi', 4 << 20],
    ['1500k', 1_500_000],
    ['1e3', 1000],
    ['0', 0],
    ['.5Ki', 512],
    ['-1', -1],
  ])('%s is %d bytes', (text, bytes) => {
    expect(parseQuantity(text)).toEqual({ bytes })
  })

  it.each(['4Zi', 'x', '', '1m', '1.5'])('%j is none', (text) => {
    expect(parseQuantity(text)).toHaveProperty('error')
  })
})
