/** The address of this machine that other sidecars reach it by (utils.GetHostAddress). */
import { networkInterfaces } from 'node:os'

/** `DAPR_HOST_IP` where it is set, else the first address that is not the machine's own loopback. */
export function hostAddress(environment: Readonly<Record<string, string | undefined>>): string {
  const given = environment['DAPR_HOST_IP']
  if (given) return given
  const addresses = Object.values(networkInterfaces()).flatMap((addresses) => addresses ?? [])
  const outward = addresses.filter(({ internal }) => !internal)
  const best = outward.find(({ family }) => family === 'IPv4') ?? outward[0]
  return best?.address ?? '127.0.0.1'
}
