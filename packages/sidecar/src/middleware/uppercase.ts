/** `middleware.http.uppercase`: the body of a request in capital letters. */
import { Transform } from 'node:stream'
import { StringDecoder } from 'node:string_decoder'
import { field, type MiddlewareFactory } from './factory.ts'

export const createUppercase: MiddlewareFactory = ({ metadata }) => {
  const direction = field(metadata, 'direction').toLowerCase()
  if (direction === 'response' || direction === 'both') {
    throw new Error(`direction ${direction} is not implemented`)
  }
  return {
    handle(request) {
      const { body } = request
      request.body =
        body instanceof Uint8Array
          ? Buffer.from(Buffer.from(body).toString('utf8').toUpperCase())
          : body.pipe(createUpperCaser()).on('error', () => undefined)
      return undefined
    },
  }
}

/** Characters may be cut in two by the chunks they come in. */
function createUpperCaser(): Transform {
  const decoder = new StringDecoder('utf8')
  return new Transform({
    transform: (chunk: Buffer, _encoding, done) => done(null, decoder.write(chunk).toUpperCase()),
    flush: (done) => done(null, decoder.end().toUpperCase()),
  })
}
