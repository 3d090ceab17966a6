/** The last lines of a log in memory, and those who follow it. */
export class LogRing<Line> {
  readonly #most: number
  readonly #lines: Line[] = []
  readonly #followers = new Set<(line: Line) => void>()

  constructor(most = 300) {
    this.#most = most
  }

  add(line: Line): void {
    this.#lines.push(line)
    if (this.#lines.length > this.#most) this.#lines.shift()
    for (const follower of this.#followers) follower(line)
  }

  last(count: number): readonly Line[] {
    return count <= 0 ? [] : this.#lines.slice(-count)
  }

  /** Answers how to stop. */
  follow(follower: (line: Line) => void): () => void {
    this.#followers.add(follower)
    return () => void this.#followers.delete(follower)
  }
}
