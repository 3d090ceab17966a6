/** Container Apps as the cloud composes them: the resource provider, the log streams, and the platform that runs the apps. */
import type { RequestListener } from 'node:http'
import type { Directory } from '@keystead/identity'
import type { ResourceProvider, ResourceStore } from '@keystead/resource-manager'
import type { Store } from '@keystead/store'
import type { Platform } from './platform/platform.ts'
import { RevisionHandlers } from './provider/app-revisions.ts'
import { AppHandlers } from './provider/apps.ts'
import { ComponentHandlers, EnvironmentHandlers } from './provider/environments.ts'
import { createLogStreamListener } from './provider/log-stream.ts'
import { LogTokens } from './provider/log-tokens.ts'
import { containerAppsProvider } from './provider/provider.ts'
import { RevisionStore } from './provider/revision-store.ts'
import { SecretStore } from './provider/secret-store.ts'
import { Supervisor } from './provider/supervisor.ts'

export interface ContainerAppsOptions {
  readonly store: Store
  readonly directory: Directory
  readonly resources: ResourceStore
  readonly platform: Platform
  /** Milliseconds since the epoch. */
  readonly clock: () => number
  readonly log: (level: 'info' | 'warn' | 'error', message: string, fields?: Record<string, unknown>) => void
}

export interface ContainerApps {
  readonly provider: ResourceProvider
  /** `*.azurecontainerapps.dev`. */
  readonly logStreamListener: RequestListener
  /** Hands every app to the platform, which runs nothing before. */
  start(): Promise<void>
  /** Gives the platform no more orders, and closes it. */
  close(): Promise<void>
}

/** Opens the service on a store that was opened with `containerAppsMigrations`. */
export async function openContainerApps(options: ContainerAppsOptions): Promise<ContainerApps> {
  const { store, resources, platform, clock, log } = options
  const secrets = await SecretStore.open(store)
  const revisions = new RevisionStore(store)
  const supervisor = new Supervisor({ platform, resources, revisions, secrets, clock, log })
  const tokens = new LogTokens(clock)
  return {
    provider: containerAppsProvider({
      environments: new EnvironmentHandlers(),
      components: new ComponentHandlers(secrets, supervisor),
      apps: new AppHandlers({ ...options, secrets, revisions, supervisor, tokens }),
      revisions: new RevisionHandlers({ resources, revisions, supervisor, platform }),
      secrets,
      resources,
    }),
    logStreamListener: createLogStreamListener({ platform, resources, tokens, log }),
    start: () => supervisor.start(),
    close: async () => {
      await supervisor.close()
      await platform.close()
    },
  }
}
