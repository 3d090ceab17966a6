/** A real platform process with apps that are Node one-liners, for tests. */
import { readFileSync } from 'node:fs'
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { type MappedImage, writeImageMap } from '../platform/image-map.ts'
import type { ContainerSpec, RevisionSpec, RevisionStatus } from '../platform/platform.ts'
import { type PlatformOptions, type RunningPlatform, startPlatform } from '../platform/platform-client.ts'

const sidecar = fileURLToPath(new URL('../../../../bin/keystead-sidecar', import.meta.url))

export const appId = '/subscriptions/s/resourceGroups/g/providers/Microsoft.App/containerApps/web'

/** Answers with its process id and its environment. */
export const echo = `
  require('node:http').createServer((_, response) => response.end(JSON.stringify({ pid: process.pid, env: process.env })))
    .listen(process.env.PORT, '127.0.0.1')`

export interface Harness {
  readonly platform: RunningPlatform
  readonly directory: string
  readonly logged: string[]
  /** Replica ids that have an identity now. */
  readonly registered: Map<string, readonly string[]>
  /** Makes an image of a Node program's text. */
  image(name: string, program: string): Promise<void>
  /** Resolves with the first status of a revision that fits. */
  status(revision: string, fits: (status: RevisionStatus) => boolean): Promise<RevisionStatus>
  /** Process ids of replicas and sidecars, from the platform's own record. */
  processes(): Promise<readonly number[]>
  close(): Promise<void>
}

export async function startHarness(options: Partial<PlatformOptions> = {}): Promise<Harness> {
  const root = await mkdtemp(join(tmpdir(), 'keystead-platform-'))
  const directory = join(root, 'platform')
  const imagesFile = join(root, 'images.json')
  const images = new Map<string, MappedImage>()
  const registered = new Map<string, readonly string[]>()
  const logged: string[] = []
  const platform = await startPlatform({
    directory,
    imagesFile,
    environment: {},
    sidecar: { executable: sidecar, environment: {} },
    backOffMs: 50,
    registerReplica: async ({ replicaId, identityResourceIds }) => {
      registered.set(replicaId, identityResourceIds)
      return { endpoint: 'http://127.0.0.1:1/msi/token', header: `header-of-${replicaId}` }
    },
    removeReplica: async (replicaId) => registered.delete(replicaId),
    serverCertificate: async (host) => {
      throw new Error(`${host} has no certificate here.`)
    },
    log: (level, message) => logged.push(`${level} ${message}`),
    ...options,
  })
  return {
    platform,
    directory,
    logged,
    registered,
    image: async (name, program) => {
      const file = `${name.replaceAll(/[^a-z0-9]/g, '-')}.cjs`
      await writeFile(join(root, file), program)
      images.set(name, { directory: root, command: `${JSON.stringify(process.execPath)} ${file}` })
      await writeImageMap(imagesFile, images)
    },
    status: (revision, fits) =>
      new Promise((resolve) => {
        const known = platform.status(appId, revision)
        if (known && fits(known)) {
          resolve(known)
          return
        }
        const stop = platform.onStatus((status) => {
          if (status.name !== revision || !fits(status)) return
          stop()
          resolve(status)
        })
      }),
    processes: async () =>
      (await readdir(join(directory, 'processes'))).map((name) => Number(name.split('-')[0])).filter(isAlive),
    close: async () => {
      await platform.close()
      await rm(root, { recursive: true, force: true })
    },
  }
}

/** One that ended and that nobody has waited for yet is not. */
export function isAlive(pid: number): boolean {
  try {
    return !/^State:\tZ/m.test(readFileSync(`/proc/${pid}/status`, 'utf8'))
  } catch {
    return false
  }
}

/** The platform process that started `pid`. */
export async function parentOf(pid: number): Promise<number> {
  const stat = await readFile(`/proc/${pid}/stat`, 'utf8')
  return Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[1])
}

export function container(image: string, more: Partial<ContainerSpec> = {}): ContainerSpec {
  return {
    name: 'app',
    image,
    command: [],
    args: [],
    variables: [],
    probes: [],
    secretMounts: [],
    cpu: 0.5,
    memoryBytes: 2 ** 30,
    ...more,
  }
}

export function revision(name: string, more: Partial<RevisionSpec> & Pick<RevisionSpec, 'containers'>): RevisionSpec {
  return {
    name,
    place: {
      appId,
      appName: 'web',
      environmentId: '/subscriptions/s/resourceGroups/g/providers/Microsoft.App/managedEnvironments/env',
      environmentName: 'env',
      defaultDomain: 'calm-sea.westeurope.azurecontainerapps.io',
    },
    initContainers: [],
    secrets: [],
    identities: [],
    scale: { minReplicas: 1, maxReplicas: 10, pollingInterval: 30, cooldownPeriod: 300, rules: [] },
    terminationGracePeriodSeconds: 5,
    ...more,
  }
}
