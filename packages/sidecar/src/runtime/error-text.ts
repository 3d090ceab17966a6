/** The text of whatever a component rejected with. */
export function errorText(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}
