/** An error in Resource Manager's own form: `{"error":{"code","message"}}`. */

/** An error inside another: what a deployment tells of each resource that failed. */
export interface ErrorDetail {
  readonly code: string
  readonly message: string
  /** The resource that it is about. */
  readonly target?: string
  readonly details?: readonly ErrorDetail[]
}

export class ArmError extends Error {
  override readonly name = 'ArmError'
  readonly status: number
  readonly code: string
  readonly headers: Readonly<Record<string, string>>
  readonly target: string | undefined
  readonly details: readonly ErrorDetail[] | undefined
  constructor(
    status: number,
    code: string,
    message: string,
    headers: Record<string, string> = {},
    more: Pick<ErrorDetail, 'target' | 'details'> = {},
  ) {
    super(message)
    this.status = status
    this.code = code
    this.headers = headers
    this.target = more.target
    this.details = more.details
  }

  /** What stands under `error` in an answer. */
  detail(): ErrorDetail {
    const { code, message, target, details } = this
    return { code, message, ...(target !== undefined && { target }), ...(details !== undefined && { details }) }
  }
}
