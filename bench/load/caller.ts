/** What has one request on its way at a time. */
export interface Caller {
  /** Called when an answer is complete. */
  onAnswer: () => void
  /** Called with what went wrong. */
  onFailure: (message: string) => void
  /** Nothing can be sent with it any more. */
  readonly closed: boolean
  send(request: string): void
}
