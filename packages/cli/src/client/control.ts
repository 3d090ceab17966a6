/** Calls Keystead's own API at `control.keystead.localhost` with a Resource Manager token. */
import { readFile } from 'node:fs/promises'
import { request } from 'node:https'
import { json } from 'node:stream/consumers'
import type { TokenCredential } from '@azure/identity'
import { CliError } from '../cli-error.ts'
import type { DataDirectory, Settings } from '../data-directory.ts'

export interface ControlCaller {
  readonly directory: DataDirectory
  readonly settings: Settings
  readonly credential: TokenCredential
  /** What a person can do about a refusal. */
  readonly hint: string
}

/** Throws {@link CliError} for a refusal. */
export async function callControl(
  { directory, settings, credential, hint }: ControlCaller,
  method: string,
  path: string,
  body?: unknown,
): Promise<unknown> {
  const token = await credential.getToken('https://management.azure.com/.default')
  const ca = await readFile(directory.caBundle, 'utf8')
  const { status, answer } = await new Promise<{ status: number; answer: unknown }>((resolve, reject) => {
    const outgoing = request(
      {
        host: '127.0.0.1',
        port: settings.ports.gateway,
        servername: 'control.keystead.localhost',
        ca,
        method,
        path,
        headers: {
          host: 'control.keystead.localhost',
          authorization: `Bearer ${token?.token}`,
          ...(body === undefined ? {} : { 'content-type': 'application/json' }),
        },
      },
      (response) => {
        const status = response.statusCode ?? 0
        if (status === 204) {
          response.resume()
          resolve({ status, answer: undefined })
        } else json(response).then((answer) => resolve({ status, answer }), reject)
      },
    )
    outgoing.on('error', reject)
    outgoing.end(body === undefined ? undefined : JSON.stringify(body))
  })
  if (status >= 300) {
    const { code, message } = (answer as { error: { code: string; message: string } }).error
    throw new CliError(`${code}: ${message}`, hint)
  }
  return answer
}
