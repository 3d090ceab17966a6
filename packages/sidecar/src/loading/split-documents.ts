/** A file cut into its YAML documents as daprd cuts it: at every line that starts with `---`. */

const separator = '\n---'

/** The documents in order, empty ones among them. */
export function splitDocuments(text: string): string[] {
  const documents: string[] = []
  let rest = text
  for (;;) {
    const at = rest.indexOf(separator)
    if (at < 0) break
    const lineEnd = rest.indexOf('\n', at + separator.length)
    if (lineEnd < 0) {
      // A separator on the last line ends the document before it; text after it on that line is part of the last document.
      if (at + separator.length === rest.length) {
        documents.push(rest.slice(0, at))
        return documents
      }
      break
    }
    documents.push(rest.slice(0, at))
    rest = rest.slice(lineEnd + 1)
  }
  if (rest.length > 0) documents.push(rest)
  return documents
}
