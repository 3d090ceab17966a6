/** `format`: .NET's composite formatting, of the values that templates have. */
import type { Call } from '../expression/function.ts'

/** `{0}`, `{0,10}`, `{0:D4}`, `{{` and `}}`. Throws TemplateError. */
export function formatted(pattern: string, values: readonly unknown[], call: Call): string {
  return pattern.replaceAll(
    /\{\{|\}\}|\{(\d+)(?:,(-?\d{1,4}))?(?::([^{}]*))?\}|[{}]/g,
    (found, index?: string, width?: string, style?: string) => {
      if (found === '{{' || found === '}}') return found.slice(1)
      if (index === undefined) return call.refuse('the format string is not valid')
      if (Number(index) >= values.length) {
        return call.refuse('an index of the format string must be less than the number of arguments')
      }
      const text = shown(values[Number(index)], style, call)
      const size = Number(width ?? 0)
      return size < 0 ? text.padEnd(-size) : text.padStart(size)
    },
  )
}

function shown(value: unknown, style: string | undefined, call: Call): string {
  if (typeof value === 'number' && style !== undefined && style !== '') return number(value, style, call)
  if (typeof value === 'string') return value
  if (typeof value === 'boolean') return value ? 'True' : 'False'
  return value === null ? '' : JSON.stringify(value)
}

/** "Standard numeric format strings". */
function number(value: number, style: string, call: Call): string {
  const match = /^([a-z])(\d{0,2})$/i.exec(style)
  const [, letter = '', digits = ''] = match ?? []
  const sign = value < 0 ? '-' : ''
  const size = Math.abs(value)
  switch (letter.toUpperCase()) {
    case 'D':
      return `${sign}${String(size).padStart(Number(digits || 0), '0')}`
    case 'N':
      return `${sign}${size.toLocaleString('en-US', fraction(digits))}`
    case 'F':
      return `${sign}${size.toFixed(Number(digits === '' ? 2 : digits))}`
    case 'P':
      return `${sign}${(size * 100).toLocaleString('en-US', fraction(digits))} %`
    case 'X': {
      const hex = (value < 0 ? BigInt.asUintN(64, BigInt(value)) : BigInt(value)).toString(16)
      return (letter === 'X' ? hex.toUpperCase() : hex).padStart(Number(digits || 0), '0')
    }
    case 'G':
      return String(value)
    default:
      return call.refuse(`the number format '${style.slice(0, 32)}' is not supported`)
  }
}

function fraction(digits: string): Intl.NumberFormatOptions {
  const count = Number(digits === '' ? 2 : digits)
  return { minimumFractionDigits: count, maximumFractionDigits: count }
}
