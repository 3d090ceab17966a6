/** Kubernetes resource quantities (`4Mi`, `1500k`, `1e3`) in bytes. */

const factors: Readonly<Record<string, number>> = {
  '': 1,
  k: 1e3,
  M: 1e6,
  G: 1e9,
  T: 1e12,
  P: 1e15,
  E: 1e18,
  Ki: 2 ** 10,
  Mi: 2 ** 20,
  Gi: 2 ** 30,
  Ti: 2 ** 40,
  Pi: 2 ** 50,
  Ei: 2 ** 60,
}

/** Whole bytes, or the text daprd prints after `invalid value for '…' option: `. */
export function parseQuantity(text: string): { readonly bytes: number } | { readonly error: string } {
  const match = /^([+-]?(?:\d+\.?\d*|\.\d+))(?:[eE]([+-]?\d+)|(m|[kMGTPE]i?|Ki)?)$/.exec(text)
  if (!match) {
    const shape = /^[+-]?(?:\d+\.?\d*|\.\d+)/.test(text)
    return {
      error: shape
        ? "unable to parse quantity's suffix"
        : "quantities must match the regular expression '^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'",
    }
  }
  const [, amount = '', exponent, suffix = ''] = match
  const factor = exponent !== undefined ? 10 ** Number(exponent) : suffix === 'm' ? 1e-3 : factors[suffix]
  if (factor === undefined) return { error: "unable to parse quantity's suffix" }
  const bytes = Number(amount) * factor
  if (!Number.isSafeInteger(bytes)) return { error: `cannot get bytes from resource quantity value '${text}'` }
  return { bytes }
}
