/** A replica's sidecar: its arguments, the component files it reads, and the environment that holds their secrets. */
import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { stringify } from 'yaml'
import type { DaprComponent, DaprSpec } from './platform.ts'

export interface SidecarPorts {
  readonly http: number
  readonly grpc: number
  readonly internal: number
  readonly metrics: number
}

export function sidecarArguments(
  dapr: DaprSpec,
  ports: SidecarPorts,
  appPort: number | undefined,
  components: string,
): string[] {
  return [
    ...['--app-id', dapr.appId],
    ...['--dapr-http-port', String(ports.http)],
    ...['--dapr-grpc-port', String(ports.grpc)],
    ...['--dapr-internal-grpc-port', String(ports.internal)],
    ...['--metrics-port', String(ports.metrics), '--metrics-listen-address', '127.0.0.1'],
    ...['--dapr-listen-addresses', '127.0.0.1'],
    ...['--log-level', dapr.logLevel],
    // The line that the platform's users search for is the older form.
    ...['--log-compat', '1.10'],
    ...['--app-protocol', dapr.appProtocol],
    ...(appPort === undefined ? [] : ['--app-port', String(appPort)]),
    ...(dapr.enableApiLogging ? ['--enable-api-logging'] : []),
    ...(dapr.httpMaxRequestSize === undefined ? [] : ['--max-body-size', `${dapr.httpMaxRequestSize}Mi`]),
    ...(dapr.httpReadBufferSize === undefined ? [] : ['--read-buffer-size', `${dapr.httpReadBufferSize}Ki`]),
    ...['--resources-path', components],
  ]
}

/**
 * Writes a file for each component. A component's own secrets are in none of them: the files name variables (`envRef`),
 * and the variables are answered, for the sidecar's environment alone. So they are not on disk, and there is no secret
 * store by which the app could ask for them.
 * @param secrets Of a component: the value by the secret's name.
 */
export async function writeComponents(
  directory: string,
  components: readonly DaprComponent[],
  secrets: (component: DaprComponent) => ReadonlyMap<string, string>,
): Promise<Record<string, string>> {
  await mkdir(directory, { recursive: true, mode: 0o700 })
  const environment: Record<string, string> = {}
  for (const [index, component] of components.entries()) {
    const values = secrets(component)
    const metadata = component.metadata.map((item, position) => {
      if ('value' in item) return { name: item.name, value: item.value }
      if (component.secretStoreComponent) {
        return { name: item.name, secretKeyRef: { name: item.secretRef, key: item.secretRef } }
      }
      const variable = `KEYSTEAD_COMPONENT_${index}_${position}`
      environment[variable] = values.get(item.secretRef) ?? ''
      return { name: item.name, envRef: variable }
    })
    const document = {
      apiVersion: 'dapr.io/v1alpha1',
      kind: 'Component',
      metadata: { name: component.name },
      spec: {
        type: component.componentType,
        version: component.version,
        ignoreErrors: component.ignoreErrors,
        ...(component.initTimeout ? { initTimeout: component.initTimeout } : {}),
        metadata,
      },
      ...(component.secretStoreComponent ? { auth: { secretStore: component.secretStoreComponent } } : {}),
      ...(component.scopes.length === 0 ? {} : { scopes: component.scopes }),
    }
    await writeFile(join(directory, `${String(index).padStart(3, '0')}.yaml`), stringify(document), { mode: 0o600 })
  }
  return environment
}
