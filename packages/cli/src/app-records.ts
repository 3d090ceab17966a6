/** What `keystead run` was last told of each app, for whoever explains later what it may do. Nothing here is secret. */
import { mkdir, readFile, rename, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { z } from 'zod'
import { CliError } from './cli-error.ts'
import type { DataDirectory } from './data-directory.ts'

const appRecord = z.object({
  appId: z.string(),
  /** Absolute paths. */
  resourcesPath: z.array(z.string()).readonly(),
  /** Resource ids of user-assigned identities, and `system` for the app's own. */
  identities: z.array(z.string()).readonly(),
  startedAt: z.string(),
})
export type AppRecord = z.infer<typeof appRecord>

export async function recordApp(directory: DataDirectory, record: AppRecord): Promise<void> {
  await mkdir(directory.apps, { recursive: true, mode: 0o700 })
  const file = fileOf(directory, record.appId)
  const temporary = `${file}.${process.pid}.tmp`
  await writeFile(temporary, `${JSON.stringify(record, null, 2)}\n`, { mode: 0o600 })
  await rename(temporary, file)
}

/** Throws {@link CliError} for an app that was never run on this cloud. */
export async function readAppRecord(directory: DataDirectory, appId: string): Promise<AppRecord> {
  let text: string
  try {
    text = await readFile(fileOf(directory, appId), 'utf8')
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error
    throw new CliError(`No app '${appId}' was run on this cloud.`, 'Start it with `keystead run --app-id ID`.')
  }
  return appRecord.parse(JSON.parse(text))
}

/** App ids may hold what file names may not. */
function fileOf(directory: DataDirectory, appId: string): string {
  return join(directory.apps, `${encodeURIComponent(appId).replaceAll('.', '%2E')}.json`)
}
