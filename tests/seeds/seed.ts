/** What the seeds' tests share: their commands as written with the names filled in, and an app that runs beside a sidecar. */
import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { Az } from '../support/az.ts'
import { type Finished, keysteadCommand, root, run, type TestCloud } from '../support/cloud.ts'

export const node = join(root, 'node_modules/node/bin/node')

/** `[your keyvault]` and `<queue>` replaced by what they are called here. Throws for a name that is not given. */
export function filled(text: string, names: Readonly<Record<string, string>>): string {
  return text.replaceAll(/\[([^\]\n]+)\]|<([^>\n]+)>/g, (_placeholder, square?: string, angle?: string) => {
    const name = square ?? angle ?? ''
    const value = names[name]
    if (value === undefined) throw new Error(`The seed's text wants a name that the test does not give: ${name}.`)
    return value
  })
}

/** `keystead run`: the app's output and its exit code. Component files are looked for in `resources`, when it is given. */
export function runApp(
  cloud: TestCloud,
  options: { readonly appId: string; readonly identity: string; readonly resources?: string },
  ...words: string[]
): Promise<Finished> {
  const { appId, identity, resources } = options
  const components = resources === undefined ? [] : ['--resources-path', resources]
  return run(keysteadCommand, [
    ...['run', '--data-dir', cloud.dataDirectory, '--app-id', appId, '--identity', identity, ...components],
    ...['--', ...words],
  ])
}

const askSidecar = `
const [path, body] = process.argv.slice(1)
const init = body === undefined ? {} : { method: 'POST', body, headers: { 'content-type': 'application/json' } }
const response = await fetch('http://localhost:' + process.env.DAPR_HTTP_PORT + path, init)
console.log(JSON.stringify({ status: response.status, body: await response.text() }))`

/** The words of an app that sends its sidecar one request, a POST when there is a body, and prints the answer. */
export function asking(path: string, body?: unknown): string[] {
  return [node, '--input-type=module', '-e', askSidecar, path, ...(body === undefined ? [] : [JSON.stringify(body)])]
}

/** What the app of {@link asking} printed. Throws, with all that was printed, when it printed none. */
export function answerOf({ stdout, stderr }: Finished): { readonly status: number; readonly body: string } {
  const line = stdout.split('\n').find((each) => each.startsWith('{"status":'))
  if (line === undefined) throw new Error(`The app got no answer.\n${stdout}\n${stderr}`)
  return JSON.parse(line) as { status: number; body: string }
}

/** A folder of component files below the person's HOME, with nothing else in it. */
export async function componentFiles(az: Az, files: Readonly<Record<string, string>>): Promise<string> {
  const folder = join(az.home, 'components')
  await mkdir(folder, { recursive: true })
  for (const [name, text] of Object.entries(files)) await writeFile(join(folder, name), text)
  return folder
}
