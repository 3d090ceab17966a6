/** Whether an app's IP restrictions let an address in. */
import { BlockList, isIPv6 } from 'node:net'
import type { IngressSpec } from '../platform/platform.ts'

/** Throws a RangeError for a range that is not CIDR. */
export function admission(rules: IngressSpec['ipRestrictions']): (address: string) => boolean {
  if (rules.length === 0) return () => true
  const listed = new BlockList()
  for (const { ipAddressRange } of rules) {
    const [network = '', prefix] = ipAddressRange.split('/')
    const family = isIPv6(network) ? 'ipv6' : 'ipv4'
    const bits = prefix === undefined ? (family === 'ipv6' ? 128 : 32) : Number(prefix)
    try {
      listed.addSubnet(network, bits, family)
    } catch (cause) {
      throw new RangeError(`"${ipAddressRange}" is no range of addresses such as 10.0.0.0/8`, { cause })
    }
  }
  const allows = rules[0]?.action === 'Allow'
  return (address) => {
    const plain = address.startsWith('::ffff:') ? address.slice(7) : address
    return listed.check(plain, isIPv6(plain) ? 'ipv6' : 'ipv4') === allows
  }
}
