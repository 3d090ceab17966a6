/** What the core and the platform process say to each other on the IPC channel. */
import { z } from 'zod'
import type { IngressSpec, LogLine, RevisionRefresh, RevisionSpec, RevisionStatus, SystemEvent } from './platform.ts'
import { platformSettings } from './settings.ts'

/** The contract's own types come from code of ours on the other side of the channel, which has parsed what it got. */
const typed = <T>() => z.custom<T>((value) => typeof value === 'object' && value !== null)

const revision = { appId: z.string(), revision: z.string() }
const id = z.int()

const logSource = z.discriminatedUnion('log', [
  z.object({ log: z.literal('console'), ...revision, replica: z.string(), container: z.string() }),
  z.object({ log: z.literal('system'), appId: z.string() }),
])
export type LogSource = z.infer<typeof logSource>

export const toPlatform = z.discriminatedUnion('kind', [
  z.object({ kind: z.literal('start'), settings: platformSettings }),
  z.object({ kind: z.literal('route'), ingress: typed<IngressSpec>() }),
  z.object({ kind: z.literal('unroute'), appId: z.string() }),
  z.object({ kind: z.literal('run'), spec: typed<RevisionSpec>() }),
  z.object({ kind: z.literal('refresh'), ...revision, values: typed<RevisionRefresh>() }),
  z.object({ kind: z.literal('restart'), id, ...revision }),
  z.object({ kind: z.literal('stop'), id, ...revision }),
  z.object({ kind: z.literal('read'), id, source: logSource, tail: z.int(), follow: z.boolean() }),
  z.object({ kind: z.literal('unread'), id }),
  z.object({ kind: z.literal('registered'), id, endpoint: z.string(), header: z.string() }),
  z.object({
    kind: z.literal('certificate'),
    id,
    certificatePem: z.string(),
    privateKeyPem: z.string(),
    renewAt: z.number(),
  }),
  /** What the platform asked the core for is not to be had. */
  z.object({ kind: z.literal('refused'), id, message: z.string() }),
  z.object({ kind: z.literal('close') }),
])
export type ToPlatform = z.infer<typeof toPlatform>

export const fromPlatform = z.discriminatedUnion('kind', [
  /** The ports of the ingress: 127.0.0.1. */
  z.object({ kind: z.literal('ready'), ports: z.object({ plain: z.int(), secure: z.int() }) }),
  z.object({ kind: z.literal('status'), status: typed<RevisionStatus>() }),
  z.object({ kind: z.literal('stopped'), ...revision }),
  /** `restart` or `stop` is done, or failed with a reason. */
  z.object({ kind: z.literal('done'), id, failure: z.string().optional() }),
  z.object({ kind: z.literal('lines'), id, lines: z.array(typed<LogLine | SystemEvent>()) }),
  z.object({ kind: z.literal('end'), id }),
  z.object({ kind: z.literal('register'), id, replicaId: z.string(), identities: z.array(z.string()) }),
  z.object({ kind: z.literal('certify'), id, host: z.string() }),
  z.object({ kind: z.literal('unregister'), replicaId: z.string() }),
  z.object({
    kind: z.literal('log'),
    level: z.enum(['info', 'warn', 'error']),
    message: z.string(),
    fields: z.record(z.string(), z.unknown()),
  }),
])
export type FromPlatform = z.infer<typeof fromPlatform>

/** One key for a revision of an app; resource ids do not differ by case. */
export function revisionKey(appId: string, revisionName: string): string {
  return `${appId.toLowerCase()} ${revisionName}`
}
