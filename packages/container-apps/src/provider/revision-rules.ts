/** The rules of revisions: when an app gets a new one, what it is called, which of them run, and where traffic goes. */
import { isDeepStrictEqual } from 'node:util'
import { plain, type StoredApp, type Template, type TrafficWeight } from './app-body.ts'
import { invalidField, suffixInUse } from './errors.ts'

export interface Revision {
  /** `APP--SUFFIX`. */
  readonly name: string
  /** Of two revisions of an app, the younger has the greater one. */
  readonly sequence: number
  readonly createdAt: number
  readonly active: boolean
  /** Whether it has ever been ready. */
  readonly ready: boolean
  /** Why it could not be provisioned. */
  readonly failure?: string
  readonly template: Template
}

const suffixForm = /^[a-z0-9](?:[a-z0-9-]*[a-z0-9])?$/
const maxName = 54
const suffixAlphabet = 'abcdefghijklmnopqrstuvwxyz0123456789'
const suffixLength = 7
const defaultMaxInactive = 100

/** The name of the revision that the template asks for; undefined when the latest one has it already. Throws when its suffix is taken. */
export function newRevisionName(
  app: string,
  template: Template,
  revisions: readonly Revision[],
  randomBelow: (limit: number) => number,
): string | undefined {
  const latest = revisions.at(-1)
  if (latest && isDeepStrictEqual(plain(latest.template), plain(template))) return undefined
  const taken = new Set(revisions.map(({ name }) => name))
  const { revisionSuffix } = template
  if (revisionSuffix !== undefined) {
    const name = `${app}--${revisionSuffix}`
    if (!suffixForm.test(revisionSuffix) || revisionSuffix.includes('--') || name.length > maxName) {
      throw invalidField('template.revisionsuffix', `Invalid value: "${revisionSuffix}"`)
    }
    if (taken.has(name)) throw suffixInUse(revisionSuffix)
    return name
  }
  for (;;) {
    const suffix = Array.from({ length: suffixLength }, () => suffixAlphabet[randomBelow(suffixAlphabet.length)]).join(
      '',
    )
    if (!taken.has(`${app}--${suffix}`)) return `${app}--${suffix}`
  }
}

/** The youngest that has been ready and runs: what `latestRevision` in traffic means. */
export function latestReady(revisions: readonly Revision[]): Revision | undefined {
  return revisions.findLast(({ active, ready }) => active && ready)
}

/** Active revisions that a younger one has taken over from, once that is ready. Only in single mode. */
export function superseded(
  mode: StoredApp['configuration']['activeRevisionsMode'],
  revisions: readonly Revision[],
): readonly Revision[] {
  const ready = latestReady(revisions)
  if (mode === 'Multiple' || !ready) return []
  return revisions.filter(({ active, sequence }) => active && sequence < ready.sequence)
}

/** Inactive revisions beyond those that an app keeps, oldest first. */
export function forgotten(revisions: readonly Revision[], maxInactive = defaultMaxInactive): readonly Revision[] {
  const inactive = revisions.filter(({ active }) => !active)
  return inactive.slice(0, Math.max(0, inactive.length - maxInactive))
}

export interface Route {
  readonly revision: string
  readonly weight: number
  readonly label?: string
}

/** Where requests go now, with weights that make 100; none while no revision has been ready. */
export function routes({ configuration }: StoredApp, revisions: readonly Revision[]): readonly Route[] {
  // Before anything is ready requests wait for what comes first.
  const latest = latestReady(revisions) ?? revisions.findLast(({ active }) => active)
  if (!latest) return []
  const weights = configuration.activeRevisionsMode === 'Multiple' ? configuration.ingress?.traffic : undefined
  if (!weights || weights.length === 0) return [{ revision: latest.name, weight: 100 }]
  return weights.flatMap(({ latestRevision, revisionName, weight, label }): Route[] => {
    const revision = latestRevision ? latest.name : revisionName
    if (revision === undefined || !revisions.some(({ name, active }) => name === revision && active)) return []
    return [{ revision, weight, ...(label === undefined ? {} : { label }) }]
  })
}

/** Throws when weights do not make 100, a label is there twice, or a revision is named that is not there. */
export function checkTraffic(traffic: readonly TrafficWeight[] | undefined, revisions: readonly Revision[]): void {
  if (!traffic || traffic.length === 0) return
  const field = 'configuration.ingress.traffic'
  const sum = traffic.reduce((total, { weight }) => total + weight, 0)
  if (sum !== 100) throw invalidField(field, `The weights of all traffic must make 100, and make ${sum}`)
  const labels = traffic.flatMap(({ label }) => label ?? [])
  if (new Set(labels).size !== labels.length) throw invalidField(field, 'A label belongs to one revision only')
  for (const { latestRevision, revisionName } of traffic) {
    if (latestRevision) continue
    if (revisionName === undefined) throw invalidField(field, 'Each names a revision, or latestRevision')
    const known = revisions.find(({ name }) => name === revisionName)
    if (!known?.active) throw invalidField(field, `There is no active revision '${revisionName}'`)
  }
}
