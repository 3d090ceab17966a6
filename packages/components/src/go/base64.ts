/** Checks standard base64 as Go's `encoding/base64` decodes it. */

/**
 * Line breaks are skipped, padding is required.
 * @returns Go's error, e.g. `illegal base64 data at input byte 3`, or undefined when the text is sound; never a part of the text
 */
export function base64Error(text: string): string | undefined {
  let digits = 0
  for (let position = 0; position < text.length; position++) {
    const character = text.charAt(position)
    if (character === '\r' || character === '\n') continue
    if (/[A-Za-z0-9+/]/.test(character)) {
      digits++
      continue
    }
    if (character !== '=') return illegal(position)
    return paddingError(text, position, digits % 4)
  }
  return digits % 4 === 0 ? undefined : illegal(text.length - (digits % 4))
}

/** @param filled how many digits of the last group of four are there before the first padding */
function paddingError(text: string, first: number, filled: number): string | undefined {
  if (filled < 2) return illegal(first)
  const rest = text.slice(first + 1)
  if (filled === 2) {
    const second = /^[\r\n]*/.exec(rest)?.[0].length ?? 0
    if (second === rest.length) return illegal(text.length)
    if (rest.charAt(second) !== '=') return illegal(first)
    return trailingError(text, first + second + 2)
  }
  return trailingError(text, first + 1)
}

function trailingError(text: string, from: number): string | undefined {
  const junk = text.slice(from).search(/[^\r\n]/)
  return junk === -1 ? undefined : illegal(from + junk)
}

function illegal(position: number): string {
  return `illegal base64 data at input byte ${position}`
}
