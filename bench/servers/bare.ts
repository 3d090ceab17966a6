/** Starts the bare server that something is measured against. */
import { fork } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { type Address, send, type WireAnswer, type WireRequest } from './wire.ts'

const program = fileURLToPath(new URL('./bare-server.ts', import.meta.url))

export type BareAnswer = WireAnswer

export interface BareSettings {
  readonly answer: BareAnswer
  /** For `node:https`: where its certificate authority is kept. */
  readonly tls?: { readonly directory: string }
}

export interface BareReady {
  readonly port: number
  readonly ca?: string
}

export interface BareServer extends AsyncDisposable {
  readonly pid: number
  readonly address: Address
}

/**
 * Answers `request` as something else answered it. `servername`: for TLS, with a certificate of the kind that the
 * gateway has. Rejects when it does not answer the same after all.
 */
export async function startBareServer(
  request: WireRequest,
  answer: BareAnswer,
  servername?: string,
): Promise<BareServer> {
  await using resources = new AsyncDisposableStack()
  const directory = await mkdtemp(join(tmpdir(), 'keystead-bench-bare-'))
  resources.defer(() => rm(directory, { recursive: true, force: true }))
  const child = fork(program, { stdio: ['ignore', 'inherit', 'inherit', 'ipc'] })
  const ended = new AbortController()
  child.once('exit', () => ended.abort(new Error('The bare server ended before it was ready.')))
  resources.defer(async () => {
    if (!child.kill()) return
    if (child.exitCode === null && child.signalCode === null) await once(child, 'exit')
  })
  child.send({ answer, ...(servername === undefined ? {} : { tls: { directory } }) } satisfies BareSettings)
  const [ready] = (await once(child, 'message', { signal: ended.signal })) as [BareReady]
  const address: Address = {
    port: ready.port,
    ...(servername === undefined || ready.ca === undefined ? {} : { tls: { servername, ca: ready.ca } }),
  }
  const own = await send(address, request)
  if (shapeOf(own) !== shapeOf(answer)) {
    throw new Error(`The bare server does not answer the same bytes:\n${shapeOf(own)}\n${shapeOf(answer)}`)
  }
  const running = resources.move()
  return { pid: child.pid ?? 0, address, [Symbol.asyncDispose]: () => running.disposeAsync() }
}

/** Headers differ in their order, and in values of one length (a date, a request's id). */
function shapeOf({ status, rawHeaders, body }: WireAnswer): string {
  const headers = rawHeaders.flatMap((name, index) =>
    index % 2 === 0 ? [`${name.toLowerCase()}: ${rawHeaders[index + 1]?.length} bytes`] : [],
  )
  return [status, ...headers.toSorted(), body].join('\n')
}
