/** Random inputs for property tests, the same in every run. */
export function generator(seed: number) {
  let state = seed
  const below = (bound: number): number => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0
    return Math.floor((state / 2 ** 32) * bound)
  }
  return {
    below,
    /** Up to `maxLength` characters of `alphabet`. */
    text: (alphabet: string, maxLength: number): string =>
      Array.from({ length: below(maxLength + 1) }, () => alphabet[below(alphabet.length)]).join(''),
    pick: <Item>(items: readonly [Item, ...Item[]]): Item => items[below(items.length)] ?? items[0],
  }
}
