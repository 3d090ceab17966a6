import { describe, expect, it } from 'vitest'
import type { Logger } from '../log/logger.ts'
import { readComponent } from './component.ts'
import { expandEnvironment, readConfiguration } from './configuration.ts'
import { loadComponents } from './load-components.ts'
import { type ResourceFolder, readDocuments } from './resource-files.ts'
import { splitDocuments } from './split-documents.ts'
import { parseYaml } from './yaml.ts'

const silent = { warn: () => undefined } as unknown as Logger

function folder(text: string): ResourceFolder {
  return { path: 'r', files: [readDocuments('r/a.yaml', text)], others: [], unreadable: [] }
}

const component = (name: string, more = '') =>
  `apiVersion: dapr.io/v1alpha1\nkind: Component\nmetadata:\n  name: ${name}\n${more}spec:\n  type: state.in-memory\n  version: v1\n`

describe('component files', () => {
  it('hold several documents, cut where daprd cuts', () => {
    expect(splitDocuments('a: 1\n---\nb: 2\n--- # more\nc: 3')).toEqual(['a: 1', 'b: 2', 'c: 3'])
    expect(splitDocuments('---\na: 1\n---')).toEqual(['---\na: 1'])
    expect(splitDocuments('')).toEqual([])
  })

  it('are read as YAML 1.1, values of any type becoming text', () => {
    const read = readComponent(
      parseYaml(`kind: Component
metadata: {name: 5}
spec:
  type: state.x
  version: v1
  ignoreErrors: true
  initTimeout: 10s
  metadata:
  - {name: int, value: 012}
  - {name: bool, value: yes}
  - {name: float, value: 1.50}
  - {name: big, value: 12345678901234567890}
  - {name: date, value: 2020-01-01}
  - {name: time, value: 12:30}
  - {name: object, value: {b: 1, a: "<"}}
  - {name: none, value: null}
  - {name: ref, secretKeyRef: {name: s, key: k}}
  - {name: env, envRef: HOME}
auth: {secretStore: vault}
scopes: [a, b]
`),
    )
    expect(read).toMatchObject({
      name: '5',
      ignoreErrors: true,
      initTimeout: '10s',
      secretStore: 'vault',
      scopes: ['a', 'b'],
    })
    expect(Object.fromEntries(read.metadata.map(({ name, value }) => [name, value]))).toEqual({
      int: '10',
      bool: 'true',
      float: '1.5',
      big: '12345678901234567890',
      date: '2020-01-01',
      time: '12:30',
      object: '{"a":"\\u003c","b":1}',
      none: undefined,
      ref: undefined,
      env: undefined,
    })
    expect(read.metadata[8]).toEqual({ name: 'ref', secretKeyRef: { name: 's', key: 'k' } })
  })

  it("that are wrong are said in Go's words", () => {
    expect(() => readComponent({ spec: { type: [] } })).toThrow(
      'json: cannot unmarshal array into Go struct field ComponentSpec.spec.type of type string',
    )
    expect(() => readComponent({ spec: { metadata: {} } })).toThrow('of type []common.NameValuePair')
    expect(readDocuments('a', 'a: [1').errors[0]).toMatch(/^error converting YAML to JSON: yaml: line \d+: /)
    expect(readDocuments('a', 'just text').errors[0]).toContain('cannot unmarshal string into Go value')
  })

  it('do not take the process down with aliases that blow up', () => {
    const bomb = `a: &a [x,x,x,x,x,x,x,x,x]\n${['b', 'c', 'd', 'e', 'f', 'g'].map((n, i) => `${n}: &${n} [${Array(9).fill(`*${'abcdefg'[i]}`).join(',')}]`).join('\n')}`
    expect(readDocuments('a', bomb).errors).toHaveLength(1)
  })

  it('are chosen by scope and namespace', () => {
    const text = [
      component('mine', '').replace('spec:', 'scopes: [app1]\nspec:'),
      component('other').replace('spec:', 'scopes: [app2]\nspec:'),
      component('here', '  namespace: ns1\n'),
      component('there', '  namespace: ns2\n'),
    ].join('---\n')
    const names = (namespace: string) =>
      loadComponents([folder(text)], { appId: 'app1', namespace, defaultSecretStore: '' }, silent).map(
        ({ name }) => name,
      )
    expect(names('ns1')).toEqual(['mine', 'here'])
    expect(names('')).toEqual(['mine', 'here', 'there'])
  })

  it('with one name twice are refused as a whole', () => {
    expect(() =>
      loadComponents(
        [folder(`${component('s')}---\n${component('s')}`)],
        { appId: 'a', namespace: '', defaultSecretStore: '' },
        silent,
      ),
    ).toThrow('duplicate definition of Component name s (state.in-memory/v1) with existing s (state.in-memory/v1)')
  })
})

describe('the configuration', () => {
  it('holds secret scopes, API rules and logging; what is not acted on is listed', () => {
    const read = readConfiguration({
      spec: {
        secrets: { scopes: [{ storeName: 's', defaultAccess: 'Deny', allowedSecrets: ['a'] }] },
        api: { allowed: [{ name: 'state', version: 'v1', protocol: 'http' }] },
        logging: { apiLogging: { enabled: true, omitHealthChecks: true } },
        metrics: { enabled: false },
        tracing: { samplingRate: 1, zipkin: {} },
        mtls: { enabled: true },
      },
    })
    expect(read).toMatchObject({
      secretsScopes: [{ storeName: 's', defaultAccess: 'Deny', allowedSecrets: ['a'], deniedSecrets: [] }],
      allowedApis: [{ name: 'state', version: 'v1', protocol: 'http' }],
      apiLogging: { enabled: true, obfuscateUrls: false, omitHealthChecks: true },
      metricsEnabled: false,
      samplingRate: '1',
      unsupported: ['spec.mtls'],
    })
  })

  it('refuses scopes that contradict themselves', () => {
    const scopes = (...list: unknown[]) => ({ spec: { secrets: { scopes: list } } })
    expect(() => readConfiguration(scopes({ storeName: 's' }, { storeName: 's' }))).toThrow(
      's storeName is repeated in secrets configuration',
    )
    expect(() => readConfiguration(scopes({ storeName: 's', defaultAccess: 'maybe' }))).toThrow(
      'defaultAccess maybe can be either allow or deny',
    )
  })

  it('has variables of the environment filled in', () => {
    expect(expandEnvironment(['a: $A b: $', '{B} c: $NONE.'].join(''), { A: '1', B: '2' })).toBe('a: 1 b: 2 c: .')
  })
})
