/** The scaling of revisions that run here: what their rules are measured by, and who does what they decide. */
import type { TokenCredential } from '@azure/core-auth'
import type { Ingress } from '../ingress/ingress.ts'
import { Autoscaler } from '../scaling/autoscaler.ts'
import type { Host } from './host.ts'
import type { IdentityTokens } from './identity-tokens.ts'
import type { RevisionSpec } from './platform.ts'
import type { Revisions } from './revisions.ts'
import { SecretUnavailable, secretValues } from './secret-values.ts'

const storage = 'https://storage.azure.com'

export function scalingOf(host: Host, revisions: Revisions, ingress: Ingress, tokens: IdentityTokens): Autoscaler {
  async function secret(spec: RevisionSpec, name: string): Promise<string> {
    const { appId } = spec.place
    // Its secrets may have been changed since.
    const { secrets } = revisions.find(appId, spec.name)?.spec ?? spec
    const values = await secretValues(
      appId,
      secrets.filter((kept) => kept.name === name),
      host.vault,
    )
    const value = values.get(name)
    if (value === undefined) throw new SecretUnavailable(`The app has no secret '${name}'.`)
    return value
  }

  function credential({ place }: RevisionSpec, identity: string): TokenCredential {
    const id = identity.toLowerCase() === 'system' ? place.appId : identity
    return {
      getToken: async () => {
        const { value, expiresAt } = await tokens.token(place.appId, id, storage)
        return { token: value, expiresOnTimestamp: expiresAt }
      },
    }
  }

  return new Autoscaler({
    clock: () => performance.now(),
    concurrency: (appId, revision) => ingress.sampleConcurrency(appId, revision),
    replicas: (appId, revision) => revisions.find(appId, revision)?.desired ?? 0,
    cpuSeconds: (appId, revision) => revisions.cpuSeconds(appId, revision),
    queues: (spec) => ({
      secret: (name) => secret(spec, name),
      credential: (identity) => credential(spec, identity),
    }),
    scaleTo: (appId, revision, replicas) => revisions.scale(appId, revision, replicas),
    problem: ({ name, place }, reason, message) => {
      host.logs.event(place, { time: host.clock(), type: 'Warning', reason, message, revision: name, count: 1 })
    },
  })
}
