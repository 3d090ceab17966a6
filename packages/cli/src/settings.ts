/** The settings of a cloud: made once, with ports that were free then, and kept so that clients' variables stay true. */
import { randomUUID } from 'node:crypto'
import { tmpdir, userInfo } from 'node:os'
import { join } from 'node:path'
import { CliError } from './cli-error.ts'
import type { DataDirectory, Settings } from './data-directory.ts'
import { freePorts, isFree } from './free-ports.ts'
import { isLocked, type Lock, tryLock } from './supervisor/lock.ts'

const preferredGatewayPort = 8443
/** Kept until this process ends: by then its cloud listens there, or did not start. */
let preferredClaim: Lock | undefined

export async function ensureSettings(directory: DataDirectory, gatewayPort: number | undefined): Promise<Settings> {
  await directory.create()
  const known = await directory.readSettings()
  if (known) {
    const ports = { ...known.ports }
    if (ports.logs === 0) [ports.logs = 0] = await freePorts(1)
    if (gatewayPort !== undefined && gatewayPort !== ports.gateway) ports.gateway = await requireFree(gatewayPort)
    const settings = { ...known, ports }
    await directory.writeSettings(settings)
    return settings
  }
  const [managedIdentity = 0, blob = 0, queue = 0, logs = 0, other = 0] = await freePorts(5)
  const gateway =
    gatewayPort === undefined
      ? claimPreferred() && (await isFree(preferredGatewayPort))
        ? preferredGatewayPort
        : other
      : await requireFree(gatewayPort)
  const settings: Settings = {
    format: 1,
    tenantId: randomUUID(),
    subscriptionId: randomUUID(),
    ports: { gateway, managedIdentity, blob, queue, logs },
  }
  await directory.writeSettings(settings)
  return settings
}

/** Of several clouds that start at once, only one may find the preferred port free. */
function claimPreferred(): boolean {
  try {
    preferredClaim ??= tryLock(join(tmpdir(), `keystead-${userInfo().uid}-port-${preferredGatewayPort}.lock`))
  } catch {
    // Nothing can be written there: any other port will do.
  }
  return preferredClaim !== undefined
}

/** The settings of a cloud that was made before. Throws {@link CliError} when there is none. */
export async function requireSettings(directory: DataDirectory): Promise<Settings> {
  const settings = await directory.readSettings()
  if (!settings) throw noCloud(directory)
  return settings
}

/** The settings of a cloud that is up. Throws {@link CliError} when it is not. */
export async function requireRunning(directory: DataDirectory): Promise<Settings> {
  const settings = await requireSettings(directory)
  if (!isLocked(directory.lock)) throw new CliError('The cloud is down.', 'Start it with `keystead up --detach`.')
  return settings
}

export function noCloud(directory: DataDirectory): CliError {
  return new CliError(`No cloud in ${directory.path}.`, 'Make one with `keystead up --detach`.')
}

async function requireFree(port: number): Promise<number> {
  if (await isFree(port)) return port
  throw new CliError(`Port ${port} is in use by another program.`, 'Choose another one with `--gateway-port N`.')
}
