/** How many requests a revision has in flight, on average since it was last asked: what the http scale rule goes by. */

export class Concurrency {
  readonly #clock: () => number
  #inFlight = 0
  /** Requests in flight, times the milliseconds for which they were. */
  #area = 0
  #areaUntil: number
  #sampledAt: number
  #lastActive: number | undefined

  /** `clock` in milliseconds. */
  constructor(clock: () => number) {
    this.#clock = clock
    this.#areaUntil = this.#sampledAt = clock()
  }

  begin(): void {
    this.#advance()
    this.#inFlight += 1
  }

  end(): void {
    this.#advance()
    this.#inFlight -= 1
  }

  /** Starts the next period. `lastActive`: when a request was last in flight, by the same clock. */
  sample(): { readonly average: number; readonly inFlight: number; readonly lastActive: number | undefined } {
    this.#advance()
    const elapsed = this.#areaUntil - this.#sampledAt
    const average = elapsed > 0 ? this.#area / elapsed : this.#inFlight
    this.#area = 0
    this.#sampledAt = this.#areaUntil
    return { average, inFlight: this.#inFlight, lastActive: this.#lastActive }
  }

  #advance(): void {
    const now = this.#clock()
    if (this.#inFlight > 0) {
      this.#area += this.#inFlight * (now - this.#areaUntil)
      this.#lastActive = now
    }
    this.#areaUntil = now
  }
}
