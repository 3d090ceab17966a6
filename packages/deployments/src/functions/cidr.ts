/** Functions of CIDR ranges, IPv4 and IPv6. */
import { isIP } from 'node:net'
import { type Call, type FunctionTable, takes } from '../expression/function.ts'

interface Range {
  readonly bits: 32 | 128
  readonly prefix: number
  readonly network: bigint
}

export const cidrFunctions: FunctionTable = {
  parseCidr: takes(1, ([text], call) => {
    const range = parse(call.text(text), call)
    const last = range.network + size(range) - 1n
    const plain = range.bits === 32 && range.prefix < 31
    return {
      network: address(range.network, range.bits),
      netmask: address(mask(range.bits, range.prefix), range.bits),
      ...(range.bits === 32 && { broadcast: address(last, 32) }),
      firstUsable: address(plain ? range.network + 1n : range.network, range.bits),
      lastUsable: address(plain ? last - 1n : last, range.bits),
      cidr: range.prefix,
    }
  }),
  cidrSubnet: takes(3, ([text, prefix, index], call) => {
    const range = parse(call.text(text), call)
    const wanted = call.integer(prefix)
    if (wanted < range.prefix || wanted > range.bits) return call.refuse('the new prefix does not fit into the range')
    const subnet = { ...range, prefix: wanted }
    const at = BigInt(call.integer(index))
    if (at < 0n || at >= size(range) / size(subnet)) return call.refuse('the subnet index is out of range')
    return `${address(range.network + at * size(subnet), range.bits)}/${wanted}`
  }),
  cidrHost: takes(2, ([text, index], call) => {
    const range = parse(call.text(text), call)
    const at = BigInt(call.integer(index)) + (range.bits === 32 && range.prefix < 31 ? 1n : 0n)
    if (at < 0n || at >= size(range)) return call.refuse('the host index is out of range')
    return address(range.network + at, range.bits)
  }),
}

const size = ({ bits, prefix }: Range) => 1n << BigInt(bits - prefix)
const mask = (bits: number, prefix: number) => ((1n << BigInt(prefix)) - 1n) << BigInt(bits - prefix)

function parse(text: string, call: Call): Range {
  const [host = '', length = '', ...rest] = text.split('/')
  const family = isIP(host)
  const bits = family === 4 ? 32 : 128
  const prefix = Number(length)
  if (family === 0 || rest.length > 0 || !/^\d{1,3}$/.test(length) || prefix > bits) {
    return call.refuse(`the value '${text.slice(0, 64)}' is not a CIDR range`)
  }
  return { bits, prefix, network: (family === 4 ? ipv4(host) : ipv6(host)) & mask(bits, prefix) }
}

const ipv4 = (text: string) => text.split('.').reduce((value, part) => value * 256n + BigInt(part), 0n)

function ipv6(text: string): bigint {
  // The platform's own parser writes every form of an address in one way.
  const { hostname } = new URL(`http://[${text}]/`)
  const [head = '', tail] = hostname.slice(1, -1).split('::')
  const groups = (part: string | undefined) => (part === undefined || part === '' ? [] : part.split(':'))
  const before = groups(head)
  const after = groups(tail)
  const zeros = Array.from({ length: 8 - before.length - after.length }, () => '0')
  return [...before, ...zeros, ...after].reduce((value, group) => value * 65_536n + BigInt(`0x${group}`), 0n)
}

function address(value: bigint, bits: 32 | 128): string {
  if (bits === 32) return [24n, 16n, 8n, 0n].map((shift) => String((value >> shift) & 255n)).join('.')
  const groups = Array.from({ length: 8 }, (_, index) => ((value >> BigInt(112 - 16 * index)) & 65_535n).toString(16))
  return new URL(`http://[${groups.join(':')}]/`).hostname.slice(1, -1)
}
