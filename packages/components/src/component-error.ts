/** A component's failure, worded as the Go component words it (its text reaches logs and answers). */
export class ComponentError extends Error {
  override readonly name: string = 'ComponentError'
}
