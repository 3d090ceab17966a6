import { startAzurite } from '../../../testing/azurite.ts'
import type { Conformance, Fixture } from '../../../testing/conformance.ts'

async function onAzurite(): Promise<Fixture> {
  const { endpoint, accountName, accountKey, close } = await startAzurite()
  return { context: { metadata: { endpoint, accountName, accountKey, containerName: 'state' } }, close }
}

export const conformance: Conformance = { versions: { v1: onAzurite, v2: onAzurite } }
