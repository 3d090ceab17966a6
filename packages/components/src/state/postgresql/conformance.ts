import type { Conformance, Fixture } from '../../testing/conformance.ts'
import { startPostgresServer } from '../../testing/postgres-server.ts'

const fixture = async (): Promise<Fixture> => {
  const { connectionString, close } = await startPostgresServer()
  return { context: { metadata: { connectionString } }, close }
}

export const conformance: Conformance = { versions: { v1: fixture, v2: fixture } }
