import { execFile } from 'node:child_process'
import { X509Certificate } from 'node:crypto'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { rootCertificates } from 'node:tls'
import { promisify } from 'node:util'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { CaBundleError, caBundle, certificateBlocks } from './ca-bundle.ts'
import { clientEnvironment } from './client-environment.ts'
import { javaTrustStore } from './java-trust-store.ts'
import { type GatewayFixture, startFixture } from './testing/gateway-fixture.ts'

const run = promisify(execFile)
const [rootA = '', rootB = '', rootC = ''] = rootCertificates

let fixture: GatewayFixture
let directory: string
let ours: string
let bundlePath: string
beforeAll(async () => {
  fixture = await startFixture()
  ours = fixture.authority.certificatePem
  directory = await mkdtemp(join(tmpdir(), 'environment-'))
  bundlePath = join(directory, 'bundle.pem')
  await writeFile(bundlePath, await caBundle(ours, {}))
})
afterAll(async () => {
  await fixture.stop()
  await rm(directory, { recursive: true })
})

async function file(name: string, content: string): Promise<string> {
  const path = join(directory, name)
  await writeFile(path, content)
  return path
}

describe('the CA bundle', () => {
  test('is the system’s roots, then ours', async () => {
    const blocks = certificateBlocks(await caBundle(ours, {}))
    expect(blocks.length).toBeGreaterThan(20)
    expect(blocks.at(-1)).toBe(ours.trim())
  })

  test('is made from what the environment names, each certificate once, without comments and what can not be read', async () => {
    const broken = '-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n'
    const named = await file('named.pem', `# a comment\r\n${rootA.replaceAll('\n', '\r\n')}\r\n${rootB}\n${broken}`)
    const extra = await file('extra.pem', `${rootB}\n${rootC}`)
    const text = await caBundle(ours, { REQUESTS_CA_BUNDLE: named, NODE_EXTRA_CA_CERTS: extra })
    expect(certificateBlocks(text)).toEqual([rootA, rootB, rootC, ours].map((block) => block.trim()))
    expect(text).not.toContain('#')
  })

  test('of an environment that has another of our bundles holds one authority of ours', async () => {
    const other = await startFixture()
    try {
      const first = await file('first.pem', await caBundle(other.authority.certificatePem, {}))
      const text = await caBundle(ours, { SSL_CERT_FILE: first })
      const local = certificateBlocks(text).filter((block) => new X509Certificate(block).subject.includes('Keystead'))
      expect(local).toEqual([ours.trim()])
    } finally {
      await other.stop()
    }
  })

  test.each([
    ['is not there', { SSL_CERT_FILE: '/nonexistent/bundle.pem' }],
    ['holds no certificate', { NODE_EXTRA_CA_CERTS: '/dev/null' }],
  ])('a file that %s is an error that names the variable', async (_name, environment) => {
    const error: unknown = await caBundle(ours, environment).catch((reason: unknown) => reason)
    expect(error).toBeInstanceOf(CaBundleError)
    expect(String(error)).toContain(Object.keys(environment)[0])
  })
})

describe('the variables', () => {
  const variables = (existing: Record<string, string>) =>
    clientEnvironment({ gatewayPort: 8443, bundlePath: '/d/bundle.pem', caPath: '/d/ca.pem', existing })

  test('name proxy and bundle in the spellings of each client', () => {
    const proxy = 'http://127.0.0.1:8443'
    const noProxy = 'localhost,127.0.0.1,::1'
    expect(variables({})).toEqual({
      HTTPS_PROXY: proxy,
      https_proxy: proxy,
      HTTP_PROXY: proxy,
      http_proxy: proxy,
      NO_PROXY: noProxy,
      no_proxy: noProxy,
      REQUESTS_CA_BUNDLE: '/d/bundle.pem',
      CURL_CA_BUNDLE: '/d/bundle.pem',
      SSL_CERT_FILE: '/d/bundle.pem',
      GRPC_DEFAULT_SSL_ROOTS_FILE_PATH: '/d/bundle.pem',
      NODE_EXTRA_CA_CERTS: '/d/ca.pem',
      NODE_USE_ENV_PROXY: '1',
    })
  })

  test('keep certificates that Node was given before', () => {
    expect(variables({ NODE_EXTRA_CA_CERTS: '/corp.pem' }).NODE_EXTRA_CA_CERTS).toBe('/d/bundle.pem')
  })

  test('keep an inherited NO_PROXY, in both cases, but nothing that leads past the gateway', () => {
    const inherited = [
      '*',
      'corp.example',
      '.internal',
      '10.0.0.0/8',
      'localhost',
      '.azure.net',
      '*.vault.azure.net',
      'kv1.vault.azure.net',
      '.windows.net',
      'net',
      'Management.Azure.COM:443',
      '169.254.169.254',
      '169.254.0.0/16',
      '0.0.0.0/0',
      'myvault.azure.net.example',
    ].join(',')
    const merged = variables({ NO_PROXY: inherited, no_proxy: 'lower.example, corp.example' })
    expect(merged.NO_PROXY).toBe(
      'localhost,127.0.0.1,::1,corp.example,.internal,10.0.0.0/8,myvault.azure.net.example,lower.example',
    )
    expect(merged.no_proxy).toBe(merged.NO_PROXY)
  })

  test('for Java keep other options and replace its proxy and trust store', () => {
    const { JAVA_TOOL_OPTIONS } = clientEnvironment({
      gatewayPort: 8443,
      bundlePath: '/d/bundle.pem',
      javaTrustStorePath: '/d d/trust.p12',
      existing: { JAVA_TOOL_OPTIONS: '-Xmx1g -Dhttps.proxyHost=old', NO_PROXY: '.internal' },
    })
    expect(JAVA_TOOL_OPTIONS).toBe(
      '-Xmx1g -Dhttp.proxyHost=127.0.0.1 -Dhttp.proxyPort=8443 -Dhttps.proxyHost=127.0.0.1 -Dhttps.proxyPort=8443 ' +
        '-Dhttp.nonProxyHosts=localhost|127.0.0.1|[::1]|*.internal ' +
        '-Djavax.net.ssl.trustStore="/d d/trust.p12" -Djavax.net.ssl.trustStoreType=PKCS12',
    )
  })
})

// Starting a JVM or a compiler takes its time on a busy machine.
describe('unmodified clients with these variables', { timeout: 90_000 }, () => {
  const url = 'https://kv1.vault.azure.net/secrets/s1'
  const environment = (more: { javaTrustStorePath?: string } = {}) => ({
    PATH: process.env.PATH,
    HOME: directory,
    ...clientEnvironment({ gatewayPort: fixture.gateway.port, bundlePath, existing: {}, ...more }),
  })
  const answered = '"service":"vault","method":"GET","url":"/secrets/s1","host":"kv1.vault.azure.net"'

  test('Node’s fetch and https', async () => {
    const script = `
      console.log(await (await fetch('${url}')).text())
      const { get } = await import('node:https')
      get('${url}', (response) => response.pipe(process.stdout))`
    const { stdout } = await run(process.execPath, ['--input-type=module', '-e', script], { env: environment() })
    expect(stdout.split(answered)).toHaveLength(3)
  })

  test('Python’s urllib, and requests where it is installed', async () => {
    const script = `
import urllib.request
print(urllib.request.urlopen('${url}').read().decode())
try:
    import requests
    print(requests.get('${url}').text)
except ImportError:
    print(${JSON.stringify(answered)})`
    const { stdout } = await run('python3', ['-c', script], { env: environment() })
    expect(stdout.split(answered)).toHaveLength(3)
  })

  test('Java, with the bundle as its trust store', async ({ skip }) => {
    const java = await run('java', ['-version']).catch(() => undefined)
    if (!java) return skip('no Java here')
    const javaTrustStorePath = join(directory, 'trust store.p12')
    const bundle = await caBundle(ours, { SSL_CERT_FILE: await file('small.pem', `${rootA}\n${rootB}`) })
    await writeFile(javaTrustStorePath, javaTrustStore(bundle))
    const source = await file(
      'Ask.java',
      `public class Ask { public static void main(String[] a) throws Exception {
        try (var in = new java.net.URL("${url}").openStream()) { System.out.write(in.readAllBytes()); }
        System.out.flush(); } }`,
    )
    const { stdout } = await run('java', [source], { env: environment({ javaTrustStorePath }) })
    expect(stdout).toContain(answered)
  })

  test('Go', async ({ skip }) => {
    const go = await run('go', ['version']).catch(() => undefined)
    if (!go) return skip('no Go here')
    const source = await file(
      'ask.go',
      `package main
import ("fmt"; "io"; "net/http")
func main() {
  r, err := http.Get("${url}"); if err != nil { panic(err) }
  b, _ := io.ReadAll(r.Body); fmt.Println(string(b))
  _, err = http.Get("https://nosuch.vault.azure.net/"); fmt.Println(err)
}`,
    )
    // The compiler keeps its own cache; only the program gets the variables.
    const program = join(directory, 'ask')
    await run('go', ['build', '-o', program, source], { cwd: directory })
    const { stdout } = await run(program, [], { env: environment() })
    expect(stdout).toContain(answered)
    expect(stdout).toContain('nobody created nosuch.vault.azure.net')
  })
})
