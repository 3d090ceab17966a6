/** Where console lines and system events go: rings in memory for `logs show`, and rows in the environment's workspace. */
import type { LogsClient } from '@keystead/logs'
import { LogRing } from './log-ring.ts'
import type { AppPlace, LogLine, SystemEvent } from './platform.ts'

export interface ContainerPlace {
  readonly place: AppPlace
  readonly revision: string
  readonly replica: string
  readonly container: string
  readonly image: string
}

const consoleTable = 'ContainerAppConsoleLogs_CL'
const systemTable = 'ContainerAppSystemLogs_CL'
/** Replicas that ended keep their lines as long as this many others do. */
const mostEnded = 20

export class Logs {
  readonly #client: LogsClient | undefined
  readonly #console = new Map<string, LogRing<LogLine>>()
  readonly #system = new Map<string, LogRing<SystemEvent>>()
  /** Keys of the rings of ended replicas, the oldest first. */
  readonly #ended: string[] = []

  constructor(client: LogsClient | undefined) {
    this.#client = client
  }

  line(from: ContainerPlace, line: LogLine): void {
    this.console(from.place.appId, from.revision, from.replica, from.container).add(line)
    const { place } = from
    if (place.workspaceId === undefined) return
    this.#client?.append(place.workspaceId, consoleTable, [
      {
        ...commonColumns(place, line.time),
        Category: 'ContainerAppConsoleLogs',
        ContainerGroupName_s: from.replica,
        ContainerId_s: `${from.replica}/${from.container}`,
        ContainerImage_s: from.image,
        ContainerName_s: from.container,
        Log_s: line.text,
        RevisionName_s: from.revision,
        Stream_s: line.stream,
        Type: consoleTable,
      },
    ])
  }

  event(place: AppPlace, event: SystemEvent): void {
    this.system(place.appId).add(event)
    if (place.workspaceId === undefined) return
    this.#client?.append(place.workspaceId, systemTable, [
      {
        ...commonColumns(place, event.time),
        TimeStamp_s: new Date(event.time).toISOString(),
        Count_d: event.count,
        EventSource_s: 'ContainerAppController',
        Level: event.type === 'Normal' ? 'info' : 'warning',
        Log_s: event.message,
        Reason_s: event.reason,
        ReplicaName_s: event.replica ?? '',
        RevisionName_s: event.revision ?? '',
        Type_s: event.type,
        Type: systemTable,
      },
    ])
  }

  console(appId: string, revision: string, replica: string, container: string): LogRing<LogLine> {
    return ringOf(this.#console, consoleKey(appId, revision, replica, container))
  }

  system(appId: string): LogRing<SystemEvent> {
    return ringOf(this.#system, appId.toLowerCase())
  }

  /** The replica has ended: its lines are still shown for a while. */
  ended(appId: string, revision: string, replica: string, containers: readonly string[]): void {
    this.#ended.push(...containers.map((container) => consoleKey(appId, revision, replica, container)))
    for (const key of this.#ended.splice(0, Math.max(0, this.#ended.length - mostEnded))) this.#console.delete(key)
  }

  async close(): Promise<void> {
    await this.#client?.close()
  }
}

function ringOf<Line>(rings: Map<string, LogRing<Line>>, key: string): LogRing<Line> {
  let ring = rings.get(key)
  if (!ring) {
    ring = new LogRing()
    rings.set(key, ring)
  }
  return ring
}

function consoleKey(appId: string, revision: string, replica: string, container: string): string {
  return `${appId.toLowerCase()} ${revision} ${replica} ${container}`
}

/** Of a row in either table. `time` in milliseconds since the epoch. */
function commonColumns({ workspaceId = '', appName, environmentName }: AppPlace, time: number) {
  const at = new Date(time)
  return {
    TenantId: workspaceId,
    SourceSystem: 'RestAPI',
    TimeGenerated: at,
    time_t: at,
    _timestamp_d: time / 1000,
    ContainerAppName_s: appName,
    EnvironmentName_s: environmentName,
  }
}
