/** The Component resource (dapr.io/v1alpha1), read from one YAML document. */

import {
  eachField,
  type GoPlace,
  isJsonObject,
  jsonKind,
  readBool,
  readSlice,
  readYamlString,
  typeError,
} from '../gojson/decode.ts'
import { encodeGoJson } from '../gojson/encode.ts'

export interface MetadataItem {
  readonly name: string
  /** What the file says as text: a string as it is, anything else as JSON. Undefined: no value given. */
  readonly value?: string
  readonly secretKeyRef?: { readonly name: string; readonly key: string }
  readonly envRef?: string
}

export interface Component {
  readonly name: string
  readonly namespace: string
  readonly type: string
  readonly version: string
  readonly ignoreErrors: boolean
  /** A Go duration as written; empty for the default. */
  readonly initTimeout: string
  readonly metadata: readonly MetadataItem[]
  /** `auth.secretStore`; empty when not given. */
  readonly secretStore: string
  readonly scopes: readonly string[]
  /** Only those that are ours, `keystead.io/…`: daprd reads none. */
  readonly annotations: Readonly<Record<string, string>>
}

/** `name (type/version)`, as daprd names a component in its log. */
export function logName(component: Pick<Component, 'name' | 'type' | 'version'>): string {
  return `${component.name} (${component.type}/${component.version})`
}

/** The innermost struct and the path to its field, as Go's errors name a place. */
function at(field: string): GoPlace {
  const parent = field.slice(0, field.lastIndexOf('.') + 1)
  return { struct: structs[parent] ?? 'Component', field }
}

const structs: Readonly<Record<string, string>> = {
  'metadata.': 'ObjectMeta',
  'spec.': 'ComponentSpec',
  'auth.': 'Auth',
  'spec.metadata.': 'NameValuePair',
  'spec.metadata.secretKeyRef.': 'SecretKeyRef',
}

/** Throws a GoJsonError in the words of Go's JSON reader where a value has the wrong type. */
export function readComponent(document: unknown): Component {
  const component = {
    name: '',
    namespace: '',
    type: '',
    version: '',
    ignoreErrors: false,
    initTimeout: '',
    metadata: [] as MetadataItem[],
    secretStore: '',
    scopes: [] as string[],
    annotations: {} as Record<string, string>,
  }
  eachField(object(document, at(''), 'v1alpha1.Component'), topFields, (field, member) => {
    if (field === 'scopes') component.scopes = strings(member, 'scopes')
    else if (field === 'metadata') {
      eachField(object(member, at(field), 'v1.ObjectMeta'), metaFields, (name, value) => {
        if (name === 'name') component.name = readYamlString(value, at('metadata.name'))
        else if (name === 'annotations') component.annotations = ownAnnotations(value)
        else component.namespace = readYamlString(value, at('metadata.namespace'))
      })
    } else if (field === 'auth') {
      eachField(object(member, at(field), 'v1alpha1.Auth'), { secretstore: 'secretStore' }, (name, value) => {
        component.secretStore = readYamlString(value, at(`auth.${name}`))
      })
    } else {
      eachField(object(member, at(field), 'v1alpha1.ComponentSpec'), specFields, (name, value) => {
        const place = at(`spec.${name}`)
        if (name === 'metadata') {
          component.metadata = readSlice(value, place, '[]common.NameValuePair', readMetadataItem) ?? []
        } else if (name === 'ignoreErrors') component.ignoreErrors = readBool(value, place)
        else component[name as 'type' | 'version' | 'initTimeout'] = readYamlString(value, place)
      })
    }
  })
  return component
}

const topFields = { metadata: 'metadata', spec: 'spec', auth: 'auth', scopes: 'scopes' }
const metaFields = { name: 'name', namespace: 'namespace', annotations: 'annotations' }
const specFields = {
  type: 'type',
  version: 'version',
  ignoreerrors: 'ignoreErrors',
  metadata: 'metadata',
  inittimeout: 'initTimeout',
}
const itemFields = { name: 'name', value: 'value', secretkeyref: 'secretKeyRef', envref: 'envRef' }

function readMetadataItem(item: unknown): MetadataItem {
  let read: MetadataItem = { name: '' }
  eachField(object(item, at('spec.metadata'), 'common.NameValuePair'), itemFields, (field, member) => {
    if (field === 'name') read = { ...read, name: readYamlString(member, at('spec.metadata.name')) }
    else if (field === 'envRef') read = { ...read, envRef: readYamlString(member, at('spec.metadata.envRef')) }
    else if (field === 'value') {
      if (member !== null) read = { ...read, value: typeof member === 'string' ? member : encodeGoJson(member) }
    } else {
      const ref = { name: '', key: '' }
      const place = at('spec.metadata.secretKeyRef')
      eachField(object(member, place, 'common.SecretKeyRef'), { name: 'name', key: 'key' }, (name, value) => {
        ref[name as 'name' | 'key'] = readYamlString(value, at(`spec.metadata.secretKeyRef.${name}`))
      })
      if (ref.name !== '') read = { ...read, secretKeyRef: ref }
    }
  })
  return read
}

const ownPrefix = 'keystead.io/'

function ownAnnotations(value: unknown): Record<string, string> {
  if (!isJsonObject(value)) return {}
  return Object.fromEntries(
    Object.entries(value).flatMap(([name, member]) =>
      name.startsWith(ownPrefix) ? [[name.slice(ownPrefix.length), String(member)]] : [],
    ),
  )
}

function strings(value: unknown, field: string): string[] {
  return readSlice(value, at(field), '[]string', (item) => readYamlString(item, at(field))) ?? []
}

function object(value: unknown, place: GoPlace, type: string): Readonly<Record<string, unknown>> {
  if (value === null || value === undefined) return {}
  if (!isJsonObject(value)) throw typeError(jsonKind(value), place, type)
  return value
}
