import type { Conformance } from '../../testing/conformance.ts'
import { startRedisServer } from '../../testing/redis-server.ts'

export const conformance: Conformance = {
  versions: {
    v1: async () => {
      const { port, close } = await startRedisServer()
      return { context: { metadata: { redisHost: `127.0.0.1:${port}` } }, close }
    },
  },
}
