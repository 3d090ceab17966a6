/** Runs asynchronous work one piece at a time, in the order it was asked for. */
export class Exclusive {
  #last: Promise<unknown> = Promise.resolve()

  /** Resolves or rejects as `work` does; a failure does not stop what comes after. */
  run<T>(work: () => Promise<T>): Promise<T> {
    const result = this.#last.then(work, work)
    this.#last = result.catch(() => undefined)
    return result
  }
}
