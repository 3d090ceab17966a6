/** An error meant for a person: what went wrong, what to do next. */
export class CliError extends Error {
  override readonly name = 'CliError'
  readonly hint: string
  readonly exitCode: number
  constructor(message: string, hint: string, options?: ErrorOptions & { exitCode?: number }) {
    super(message, options)
    this.hint = hint
    this.exitCode = options?.exitCode ?? 1
  }
}
