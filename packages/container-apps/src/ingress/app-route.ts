/** What the ingress knows of one app, made ready for requests. */
import type { IngressSpec } from '../platform/platform.ts'
import { admission } from './ip-restrictions.ts'
import { revisionPicker } from './traffic.ts'

export interface AppRoute {
  readonly spec: IngressSpec
  readonly appId: string
  readonly admits: (address: string) => boolean
  readonly pickRevision: () => string | undefined
  /** Revisions that get traffic by weight: those that an affinity cookie can lead to. */
  readonly weighted: readonly string[]
  readonly labels: ReadonlyMap<string, string>
}

/** Throws a RangeError for an IP restriction that is none. */
export function appRoute(spec: IngressSpec, random: () => number): AppRoute {
  return {
    spec,
    appId: spec.place.appId,
    admits: admission(spec.ipRestrictions),
    pickRevision: revisionPicker(spec.traffic, random),
    weighted: spec.traffic.flatMap(({ weight, revision }) => (weight > 0 ? [revision] : [])),
    labels: new Map(spec.traffic.flatMap(({ label, revision }) => (label === undefined ? [] : [[label, revision]]))),
  }
}
