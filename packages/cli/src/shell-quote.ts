/** Text as one word of a POSIX shell. */

/** Single quotes keep every character but themselves. */
export function shellQuote(text: string): string {
  return /^[\w@%+=:,./-]+$/.test(text) ? text : `'${text.replaceAll("'", `'\\''`)}'`
}
