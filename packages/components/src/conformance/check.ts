/** One behaviour that every component of a kind has. */
export interface Check<Subject> {
  readonly name: string
  /** Rejects with an assertion when the subject behaves otherwise. */
  run(subject: Subject): Promise<void>
}
