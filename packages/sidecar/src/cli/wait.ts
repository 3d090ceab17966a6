/** `--wait`: until the sidecar on this machine answers that it is ready for outbound calls. */
import { setTimeout as delay } from 'node:timers/promises'
import { monotonicMs } from '../clock.ts'

const timeoutSeconds = 60
const requestTimeout = 500
const period = 100

/** Tells its progress through `print`; daprd ends with exit code 0 either way. */
export async function waitUntilOutboundReady(port: string, print: (line: string) => void): Promise<void> {
  const url = `http://localhost:${port}/v1.0/healthz/outbound`
  print(`Waiting for Dapr to be outbound ready (timeout: ${timeoutSeconds} seconds): url=${url}\n`)
  const deadline = monotonicMs() + timeoutSeconds * 1000
  let told = 0
  let last = ''
  while (monotonicMs() < deadline) {
    try {
      const response = await fetch(url, { signal: AbortSignal.timeout(requestTimeout) })
      await response.arrayBuffer()
      if (response.status < 300) {
        print('Dapr is outbound ready!')
        return
      }
      last = `HTTP status code ${response.status}`
    } catch (error) {
      last = error instanceof Error ? error.message : String(error)
    }
    if (monotonicMs() > told) {
      told = monotonicMs() + 1000
      print(`Dapr outbound NOT ready yet: ${last}`)
    }
    await delay(period)
  }
  print(`timeout waiting for Dapr to become outbound ready. Last error: ${last}`)
}
