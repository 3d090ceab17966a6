/** Log lines as apps with sidecars write them, the same in each run. */
import type { LogRow } from '@keystead/logs'

const apps = 200
/** One line in so many says that a component was loaded, and one that something went wrong. */
const rareEvery = 10_000
const begin = Date.UTC(2026, 0, 1)

export const appName = (number: number): string => `app-${number}`

/** Neighbours have different texts: a multiplicative hash of the line's number. */
const digits = (index: number): number => Math.imul(index, 0x9e3779b1) >>> 0

function lineOf(index: number, app: string, time: string): string {
  const id = digits(index)
  const head = `time="${time}" level=`
  const tail = `instance=${app}--rev1-5f6d7c8b9d-x2k4q scope=dapr.runtime type=log ver=1.18.3`
  if (index % rareEvery === 17) {
    return `${head}info msg="component loaded. name: statestore, type: state.azure.blobstorage/v1" app_id=${app} ${tail}`
  }
  if (index % rareEvery === 4321) {
    return `${head}error msg="error getting secret: RESPONSE 403: 403 Forbidden, request ${id}" app_id=${app} ${tail}`
  }
  switch (id % 4) {
    case 0:
      return `{"level":"info","time":"${time}","msg":"order accepted","order":${id},"items":${id % 13},"errors":0}`
    case 1:
      return `${time} GET /orders/${id} 200 ${id % 900}ms`
    case 2:
      return `${head}warning msg="retry ${id % 5} of request ${id} after a timeout" app_id=${app} ${tail}`
    default:
      return `${head}info msg="HTTP API Called" app_id=${app} method="GET /v1.0/state/statestore/${id}" ${tail}`
  }
}

/** Rows of ContainerAppConsoleLogs_CL, whose texts are in one piece each, as those from the wire are. */
export function logRows(from: number, count: number): LogRow[] {
  const rows = Array.from({ length: count }, (_, offset) => {
    const index = from + offset
    const ms = begin + index * 5
    const time = new Date(ms)
    const app = appName(digits(index * 7) % apps)
    return {
      TenantId: '0f0c4b8e-5d3a-4a57-9a63-7e2b8f0d9c11',
      SourceSystem: 'RestAPI',
      TimeGenerated: time,
      time_t: time,
      _timestamp_d: ms / 1000,
      Category: 'ContainerAppConsoleLogs',
      ContainerAppName_s: app,
      ContainerGroupName_s: `${app}--rev1-5f6d7c8b9d-x2k4q`,
      ContainerId_s: '4f1c9a7be2d05836',
      ContainerImage_s: `demos/${app}:v1`,
      ContainerName_s: 'daprd',
      EnvironmentName_s: 'orders',
      Log_s: lineOf(index, app, time.toISOString()),
      RevisionName_s: `${app}--rev1`,
      Stream_s: 'stdout',
      Type: 'ContainerAppConsoleLogs_CL',
    }
  })
  return structuredClone(rows)
}
