/** Values by their labels, for metrics that are seldom counted. */
export type Labels = Readonly<Record<string, string>>

// Labels may come from callers: beyond this many, new ones are not kept.
const maxSeries = 5000

export class Counts {
  readonly #values = new Map<string, { readonly labels: Labels; value: number }>()

  add(labels: Labels, amount = 1): void {
    const entry = this.#entry(labels)
    if (entry) entry.value += amount
  }

  set(labels: Labels, value: number): void {
    const entry = this.#entry(labels)
    if (entry) entry.value = value
  }

  #entry(labels: Labels): { value: number } | undefined {
    const key = Object.values(labels).join('\0')
    let entry = this.#values.get(key)
    if (!entry && this.#values.size < maxSeries) {
      entry = { labels, value: 0 }
      this.#values.set(key, entry)
    }
    return entry
  }

  get all(): readonly { readonly labels: Labels; readonly value: number }[] {
    return [...this.#values.values()]
  }
}
