/** The example programs of the quickstart, run as a person would run them. */
import { type ChildProcess, spawn } from 'node:child_process'
import { createInterface } from 'node:readline'
import { text } from 'node:stream/consumers'
import { fileURLToPath } from 'node:url'
import { z } from 'zod'
import { exitCode } from '../foreground-process.ts'

const example = (path: string): string => fileURLToPath(new URL(`../../../../examples/${path}`, import.meta.url))

export class ExampleApp {
  readonly #child: ChildProcess
  readonly #url: string

  private constructor(child: ChildProcess, port: number) {
    this.#child = child
    this.#url = `http://127.0.0.1:${port}/orders`
  }

  /** Resolves once it listens. */
  static async start(environment: NodeJS.ProcessEnv): Promise<ExampleApp> {
    const child = spawn(process.execPath, [example('orders/app.js')], {
      env: environment,
      stdio: ['ignore', 'pipe', 'inherit'],
    })
    for await (const line of createInterface({ input: child.stdout })) {
      const port = /^orders listens on (\d+)$/.exec(line)?.[1]
      if (port) return new ExampleApp(child, Number(port))
    }
    throw new Error(`The app ended with exit code ${await exitCode(child, 'node')} before it listened.`)
  }

  /** Answers the order's id, which is its blob's name. */
  async postOrder(order: unknown): Promise<string> {
    const answer = await fetch(this.#url, { method: 'POST', body: JSON.stringify(order) })
    const body = await answer.json()
    if (answer.status !== 201) throw new Error(`The app answered ${answer.status}: ${JSON.stringify(body)}`)
    return z.object({ id: z.guid() }).parse(body).id
  }

  async stop(): Promise<void> {
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return
    this.#child.kill('SIGTERM')
    await exitCode(this.#child, 'node')
  }
}

const directAnswer = z.object({
  ok: z.boolean(),
  status: z.int().optional(),
  code: z.string().optional(),
  message: z.string().optional(),
})

/** What the app's identity gets from the vault without the sidecar in between. */
export async function readSecretDirectly(
  vault: string,
  name: string,
  environment: NodeJS.ProcessEnv,
  clientId: string,
): Promise<z.infer<typeof directAnswer>> {
  const child = spawn(process.execPath, [example('read-secret/read-secret.js'), vault, name], {
    env: { ...environment, AZURE_CLIENT_ID: clientId },
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  const [output] = await Promise.all([text(child.stdout), exitCode(child, 'node')])
  return directAnswer.parse(JSON.parse(output))
}
