/** A component's metadata with its references filled in (pkg/runtime/processor/secret, pkg/runtime/meta). */
import type { SecretStore } from '@keystead/components'
import { setOwn } from '../gojson/decode.ts'
import type { Component, MetadataItem } from '../loading/component.ts'
import { goUnquote } from '../log/go-quote.ts'
import type { Logger } from '../log/logger.ts'
import { errorText } from './error-text.ts'

type Environment = Readonly<Record<string, string | undefined>>

export type ResolvedReferences =
  | { readonly kind: 'resolved'; readonly metadata: readonly MetadataItem[] }
  /** The component has to wait for this secret store. */
  | { readonly kind: 'waits'; readonly secretStore: string }

/**
 * Replaces `secretKeyRef` and `envRef` by their values. A secret that cannot be had is logged with the store's words,
 * and the item stays without a value.
 */
export async function resolveReferences(
  component: Component,
  secretStores: ReadonlyMap<string, SecretStore>,
  environment: Environment,
  log: Logger,
  signal: AbortSignal,
): Promise<ResolvedReferences> {
  const fetched = new Map<string, Readonly<Record<string, string>>>()
  const metadata: MetadataItem[] = []
  for (const item of component.metadata) {
    const { value, envRef, secretKeyRef, name } = item
    if (value === undefined && envRef) {
      if (isEnvironmentAllowed(envRef, environment)) {
        metadata.push({ name, value: asText(environment[envRef] ?? '') })
      } else {
        log.warn(`Component ${component.name} references an env variable that isn't allowed: ${envRef}`)
        metadata.push({ name })
      }
      continue
    }
    if (secretKeyRef === undefined) {
      metadata.push(item)
      continue
    }
    const store = secretStores.get(component.secretStore)
    if (!store) {
      log.warn(`Component ${component.name} references a secret store that isn't loaded: ${component.secretStore}`)
      return { kind: 'waits', secretStore: component.secretStore }
    }
    let secret = fetched.get(secretKeyRef.name)
    if (secret === undefined) {
      try {
        secret = await store.getSecret(secretKeyRef.name, { namespace: component.namespace }, signal)
        fetched.set(secretKeyRef.name, secret)
      } catch (error) {
        log.error(`Error getting secret: ${errorText(error)}`)
        metadata.push(item)
        continue
      }
    }
    const key = secretKeyRef.key || secretKeyRef.name
    const found = Object.hasOwn(secret, key) ? secret[key] : undefined
    metadata.push(found ? { ...item, value: asText(found) } : item)
  }
  return { kind: 'resolved', metadata }
}

/** daprd reads every value as a Go literal where it is one, so a quoted secret loses its quotes. */
function asText(value: string): string {
  return goUnquote(value) ?? value
}

/** Never the tokens nor Dapr's own variables; only those listed, where `DAPR_ENV_KEYS` lists any. */
export function isEnvironmentAllowed(name: string, environment: Environment): boolean {
  const upper = name.toUpperCase()
  if (upper === '' || upper === 'APP_API_TOKEN' || upper.startsWith('DAPR_') || upper.includes(' ')) return false
  const list = environment['DAPR_ENV_KEYS'] ?? ''
  return list === '' || list.split(' ').includes(upper)
}

export interface TemplateValues {
  readonly appId: string
  readonly podName: string
  readonly namespace: string
}

/** Metadata by name with `{uuid}`, `{podName}`, `{namespace}` and `{appID}` filled in. Throws with daprd's words. */
export function fillTemplates(items: readonly MetadataItem[], values: TemplateValues): Record<string, string> {
  const filled: Record<string, string> = {}
  for (const { name, value } of items) {
    let text = value ?? ''
    if (text.includes('{')) {
      text = text.replaceAll('{uuid}', () => crypto.randomUUID())
      if (text.includes('{podName}')) {
        if (values.podName === '') {
          throw new Error(`failed to parse metadata: property ${name} refers to {podName} but podName is not set`)
        }
        text = text.replaceAll('{podName}', () => values.podName)
      }
      text = text
        .replaceAll('{namespace}', () => `${values.namespace}.${values.appId}`)
        .replaceAll('{appID}', () => values.appId)
    }
    setOwn(filled, name, text)
  }
  return filled
}
