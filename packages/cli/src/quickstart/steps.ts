/** Runs the quickstart's steps in order, tells each as it happens, and keeps what came of it. */
import { paint } from '../output.ts'

export interface StepResult {
  readonly name: string
  readonly ok: boolean
  /** What was decided and why, for a person. Never a secret. */
  readonly detail: string
  readonly ms: number
}

export class Steps {
  readonly results: StepResult[] = []
  #quiet: boolean

  constructor(quiet: boolean) {
    this.#quiet = quiet
  }

  get ok(): boolean {
    return this.results.every((result) => result.ok)
  }

  /** Nothing more is told: what fails from now on fails because everything is being stopped. */
  silence(): void {
    if (!this.#quiet && process.stderr.isTTY) process.stderr.write('\r\x1b[2K')
    this.#quiet = true
  }

  /** One hop. `act` answers what it did in words; it throws when the hop did not do what it should. */
  async run(name: string, title: string, act: () => Promise<string>): Promise<void> {
    const stream = process.stderr
    if (!this.#quiet && stream.isTTY) stream.write(`${paint('dim', '·', stream)} ${title} ...`)
    const startedAt = performance.now()
    let result: StepResult
    try {
      result = { name, ok: true, detail: await act(), ms: since(startedAt) }
    } catch (error) {
      result = { name, ok: false, detail: error instanceof Error ? error.message : String(error), ms: since(startedAt) }
    }
    this.results.push(result)
    if (!this.#quiet) {
      if (stream.isTTY) stream.write('\r\x1b[2K')
      const mark = result.ok ? paint('green', '✓') : paint('red', '✗')
      process.stdout.write(
        `${mark} ${title} ${paint('dim', `${result.ms} ms`)}\n    ${result.detail.replaceAll('\n', '\n    ')}\n`,
      )
    }
    if (!result.ok) throw new StepFailed(name)
  }
}

/** The steps after this one would not mean anything. */
export class StepFailed extends Error {
  override readonly name = 'StepFailed'
}

function since(startedAt: number): number {
  return Math.round(performance.now() - startedAt)
}

/** Throws with `message` when a hop did not do what it should. */
export function expect(condition: boolean, message: string): asserts condition {
  if (!condition) throw new Error(message)
}
