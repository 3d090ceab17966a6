/** A command as a person can paste it into a POSIX shell. */

/** Words in single quotes where a shell would take them apart. */
export function commandLine(words: readonly string[]): string {
  return words.map((word) => (/^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", `'\\''`)}'`)).join(' ')
}
