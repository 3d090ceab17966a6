/** Fastify behind a server that hands over a request without a body with its stream ended (`optimizeEmptyRequests`). */
import { Readable } from 'node:stream'
import type { FastifyInstance } from 'fastify'

/** Fastify would wait for the end of a stream that ended before anybody listened. */
export function takeEndedBodies(app: FastifyInstance): void {
  app.addHook('preParsing', (_request, _reply, payload, done) =>
    done(null, payload.readableEnded ? Readable.from([]) : payload),
  )
}
