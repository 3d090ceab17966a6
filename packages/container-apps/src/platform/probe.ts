/** Asks a container whether it is well: one request or connection at a time, until it is told to stop. */
import { request as httpRequest, type RequestOptions } from 'node:http'
import { request as httpsRequest } from 'node:https'
import { connect } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Probe } from './platform.ts'

export interface ProbeListener {
  /** So many in a row as the probe's thresholds ask for. */
  succeeded(): void
  /** @param why For a person. */
  failed(why: string): void
}

/** Runs until `signal`; never rejects. `portOf` says where the port of the spec really is. */
export async function runProbe(
  probe: Probe,
  portOf: (port: number) => number,
  listener: ProbeListener,
  signal: AbortSignal,
): Promise<void> {
  let inRow = 0
  let lastGood: boolean | undefined
  try {
    await sleep(probe.initialDelaySeconds * 1000, undefined, { signal })
    while (true) {
      const failure = await probeOnce(probe, portOf, signal)
      if (signal.aborted) return
      const good = failure === undefined
      inRow = good === lastGood ? inRow + 1 : 1
      lastGood = good
      if (good && inRow === probe.successThreshold) listener.succeeded()
      if (!good && inRow % probe.failureThreshold === 0) listener.failed(failure)
      await sleep(probe.periodSeconds * 1000, undefined, { signal })
    }
  } catch (error) {
    if (!signal.aborted) throw error
  }
}

/** Undefined when it is well, otherwise why not. */
async function probeOnce(
  { httpGet, tcpSocket, timeoutSeconds, type }: Probe,
  portOf: (port: number) => number,
  signal: AbortSignal,
): Promise<string | undefined> {
  const limit = AbortSignal.any([signal, AbortSignal.timeout(timeoutSeconds * 1000)])
  try {
    if (httpGet) {
      const status = await get(httpGet, portOf(httpGet.port), limit)
      return status >= 200 && status < 400
        ? undefined
        : `${type} probe failed: HTTP probe failed with statuscode: ${status}`
    }
    if (tcpSocket) await connects(portOf(tcpSocket.port), limit)
    return undefined
  } catch (error) {
    const { code, name, message } = error as NodeJS.ErrnoException
    const why = name === 'TimeoutError' || limit.aborted ? `no answer within ${timeoutSeconds} s` : (code ?? message)
    return `${type} probe failed: ${why}`
  }
}

function get(httpGet: NonNullable<Probe['httpGet']>, port: number, signal: AbortSignal): Promise<number> {
  const headers: Record<string, string> = {}
  for (const { name, value } of httpGet.headers) headers[name] = value
  const options: RequestOptions = { host: '127.0.0.1', port, path: httpGet.path, headers, signal, agent: false }
  return new Promise((resolve, reject) => {
    // As a kubelet's, a probe over TLS takes whatever certificate the app has: it asks whether the app is well and
    // trusts it with nothing.
    const request =
      httpGet.scheme === 'HTTPS' ? httpsRequest({ ...options, rejectUnauthorized: false }) : httpRequest(options)
    request.once('response', (response) => {
      response.destroy()
      resolve(response.statusCode ?? 0)
    })
    request.once('error', reject)
    request.end()
  })
}

function connects(port: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const socket = connect({ host: '127.0.0.1', port, signal }, () => {
      socket.destroy()
      resolve()
    })
    socket.once('error', reject)
  })
}
