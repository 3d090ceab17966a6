/** A token from the program that a kubeconfig names for signing in, e.g. kubelogin (client-go credential plugins). */
import { execFile } from 'node:child_process'
import { resolve } from 'node:path'
import { ComponentError } from '../../component-error.ts'

type Fields = Readonly<Record<string, unknown>>

const programTimeoutMs = 60_000
/** A token is not used in the last seconds of its life. */
const marginMs = 10_000

/** @param exec the user's `exec`; a command with a slash is relative to `folder` */
export function programToken(exec: Fields, folder: string): () => Promise<string> {
  const { command, args, env, apiVersion } = exec
  if (typeof command !== 'string' || command === '') {
    throw new ComponentError('invalid configuration: exec has no command')
  }
  const program = command.includes('/') ? resolve(folder, command) : command
  const words = Array.isArray(args) ? args.map(String) : []
  const variables = Array.isArray(env) ? env.map(({ name, value }) => [String(name), String(value)]) : []
  const info = { apiVersion, kind: 'ExecCredential', spec: { interactive: false } }
  const environment = {
    ...process.env,
    ...Object.fromEntries(variables),
    KUBERNETES_EXEC_INFO: JSON.stringify(info),
  }
  let current: Promise<{ readonly token: string; readonly expires: number }> | undefined
  const run = (): NonNullable<typeof current> => {
    const attempt = execute(program, words, environment)
    current = attempt
    attempt.catch(() => {
      if (current === attempt) current = undefined
    })
    return attempt
  }
  return async () => {
    const { token, expires } = await (current ?? run())
    return Date.now() < expires - marginMs ? token : (await run()).token
  }
}

/** What the program printed is not in the error: it may be the token. */
function execute(
  program: string,
  words: readonly string[],
  env: NodeJS.ProcessEnv,
): Promise<{ readonly token: string; readonly expires: number }> {
  return new Promise((fulfil, reject) => {
    execFile(program, words, { env, timeout: programTimeoutMs }, (error, stdout) => {
      if (error) {
        const why =
          error.code === 'ENOENT' ? 'executable file not found in $PATH' : `failed with exit code ${error.code}`
        reject(new ComponentError(`getting credentials: exec: ${program}: ${why}`))
        return
      }
      try {
        const { token, expirationTimestamp } = JSON.parse(stdout).status
        if (typeof token === 'string') {
          const expires = expirationTimestamp === undefined ? Number.POSITIVE_INFINITY : Date.parse(expirationTimestamp)
          fulfil({ token, expires })
          return
        }
      } catch {
        // Said below.
      }
      reject(new ComponentError(`getting credentials: exec: ${program}: the answer has no token`))
    })
  })
}
