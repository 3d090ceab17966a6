/** What the seeds' tests ask of an app on the platform. */
import type { Az } from '../support/az.ts'
import { keysteadCommand, run, succeed, type TestCloud } from '../support/cloud.ts'

/** The text of the last lines that the app's newest revision printed; empty while no replica runs. `container` is e.g. `daprd`. */
export async function consoleLines(az: Az, app: string, container?: string): Promise<string> {
  const which = container === undefined ? '' : `--container ${container}`
  const { code, stdout } = await az.run(
    `az containerapp logs show --name ${app} --resource-group "$RG" --tail 100 ${which}`,
  )
  return code === 0 ? stdout : ''
}

/** `keystead image add`: what the image runs on this machine. */
export async function addImage(cloud: TestCloud, image: string, directory: string, command: string): Promise<void> {
  const words = ['image', 'add', image, '--dir', directory, '--command', command]
  await succeed(run(keysteadCommand, [...words, '--data-dir', cloud.dataDirectory]))
}

/** For `expect.poll`, in milliseconds: most of it goes to az. */
export const patience = { timeout: 90_000, interval: 250 }

/** Restarts the app's newest revision. */
export async function restartLatest(az: Az, app: string): Promise<void> {
  await az.succeed(
    `revision="$(az containerapp show --name ${app} --resource-group "$RG" --query properties.latestRevisionName --output tsv)"
    az containerapp revision restart --name ${app} --resource-group "$RG" --revision "$revision"`,
  )
}
