/** Starts a process that forwards requests to an app. */
import { fork } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'

const program = fileURLToPath(new URL('./forwarder-server.ts', import.meta.url))

export interface ForwarderSettings {
  readonly forwarder: 'ingress' | 'http-proxy'
  /** `http://127.0.0.1:PORT`. */
  readonly app: string
  /** Of the requests. */
  readonly host: string
}

export interface ForwarderReady {
  readonly port: number
}

export interface Forwarder extends AsyncDisposable {
  readonly pid: number
  readonly port: number
}

export async function startForwarder(settings: ForwarderSettings): Promise<Forwarder> {
  const child = fork(program, { stdio: ['ignore', 'inherit', 'inherit', 'ipc'] })
  const ended = new AbortController()
  child.once('exit', () => ended.abort(new Error(`${settings.forwarder} ended before it was ready.`)))
  child.send(settings)
  const [{ port }] = (await once(child, 'message', { signal: ended.signal })) as [ForwarderReady]
  return {
    pid: child.pid ?? 0,
    port,
    async [Symbol.asyncDispose]() {
      if (child.kill() && child.exitCode === null && child.signalCode === null) await once(child, 'exit')
    },
  }
}
