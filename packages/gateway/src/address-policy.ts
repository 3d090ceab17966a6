/** Which network addresses the proxy may connect to: public ones, so that it is no way around a firewall into this machine. */
import { BlockList, isIP, isIPv4 } from 'node:net'

/** IANA's special-purpose IPv4 blocks that do not lead to the public internet. */
const REFUSED_IPV4: readonly (readonly [string, number])[] = [
  ['0.0.0.0', 8],
  ['10.0.0.0', 8],
  ['100.64.0.0', 10],
  ['127.0.0.0', 8],
  ['169.254.0.0', 16],
  ['172.16.0.0', 12],
  ['192.0.0.0', 24],
  ['192.168.0.0', 16],
  ['198.18.0.0', 15],
  ['224.0.0.0', 4],
  ['240.0.0.0', 4],
]

/** The same for IPv6; 2002::/16 and 2001::/32 carry an IPv4 address of anyone's choice. */
const REFUSED_IPV6: readonly (readonly [string, number])[] = [
  ['::', 96],
  ['64:ff9b:1::', 48],
  ['100::', 64],
  ['2001::', 32],
  ['2002::', 16],
  ['fc00::', 7],
  ['fe80::', 10],
  ['fec0::', 10],
  ['ff00::', 8],
]

const refused = new BlockList()
for (const [network, prefix] of REFUSED_IPV4) {
  // The block list matches an IPv4-mapped IPv6 address by its IPv4 rules.
  refused.addSubnet(network, prefix, 'ipv4')
  // NAT64 (RFC 6052) translates addresses below this prefix to IPv4.
  refused.addSubnet(`64:ff9b::${network}`, 96 + prefix, 'ipv6')
}
for (const [network, prefix] of REFUSED_IPV6) refused.addSubnet(network, prefix, 'ipv6')

/** Whether the address is a public one: not loopback, link-local, private, shared, multicast or reserved. */
export function isPublicAddress(address: string): boolean {
  if (isIP(address) === 0 || address.includes('%')) return false
  return !refused.check(address, isIPv4(address) ? 'ipv4' : 'ipv6')
}
