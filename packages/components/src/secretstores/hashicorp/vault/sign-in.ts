/** Where the token for Vault comes from: the metadata, a file, AppRole, or a Kubernetes service account. */
import { readFile } from 'node:fs/promises'
import { ComponentError } from '../../../component-error.ts'
import { goFileErrorText } from '../../../go/file-error.ts'
import type { HttpAnswer, HttpRequest } from '../../../http/request.ts'
import type { VaultMetadata } from './metadata.ts'

export interface TokenSource {
  token(signal: AbortSignal): Promise<string>
  /** Another token than this one, which the server does not take; undefined where there is no other. */
  replace(refused: string, signal: AbortSignal): Promise<string | undefined>
}

/** Sends a request in the component's namespace, without a token. */
export type Send = (
  path: string,
  request: Pick<HttpRequest, 'method' | 'body' | 'headers'>,
  signal: AbortSignal,
) => Promise<HttpAnswer>

/** @throws ComponentError with daprd's words when there is none or more than one way to sign in */
export async function tokenSource(settings: VaultMetadata, send: Send): Promise<TokenSource> {
  const { vaultToken, vaultTokenMountPath: path } = settings
  const roleId = settings['keystead.io/appRoleId']
  const role = settings['keystead.io/kubernetesRole']
  if (vaultToken !== '' && path !== '') throw new ComponentError('token mount path and token both set')
  const ways = [vaultToken || path, roleId, role].filter((way) => way !== '')
  if (ways.length === 0) throw new ComponentError('token mount path and token not set')
  if (ways.length > 1) throw new ComponentError('more than one way to sign in is set: token, AppRole, Kubernetes')
  if (vaultToken !== '') return { token: async () => vaultToken, replace: async () => undefined }
  if (path !== '') return fileToken(path)
  if (roleId !== '') {
    const credentials = { role_id: roleId, secret_id: settings['keystead.io/appRoleSecretId'] }
    return signInToken(settings['keystead.io/appRoleMount'], async () => credentials, send)
  }
  const tokenPath = settings['keystead.io/kubernetesTokenPath']
  return signInToken(
    settings['keystead.io/kubernetesMount'],
    async () => ({ role, jwt: await readToken(tokenPath, `couldn't read the service account's token`) }),
    send,
  )
}

/** A token file is often one that an agent renews. */
async function fileToken(path: string): Promise<TokenSource> {
  const read = (): Promise<string> => readToken(path, `couldn't read vault token from mount path ${path} err`)
  let current = await read()
  return {
    token: async () => current,
    async replace(refused) {
      current = await read()
      return current === refused ? undefined : current
    },
  }
}

async function readToken(path: string, what: string): Promise<string> {
  try {
    return (await readFile(path, 'utf8')).trim()
  } catch (error) {
    throw new ComponentError(`${what}: ${goFileErrorText(path, error)}`)
  }
}

interface Lease {
  readonly token: string
  /** Milliseconds of the monotonic clock. */
  readonly renewAt: number
}

/** Signs in when a token is first needed, and again before it expires; at one time once, whoever asks. */
function signInToken(
  mount: string,
  credentials: () => Promise<Readonly<Record<string, string>>>,
  send: Send,
): TokenSource {
  let lease: Promise<Lease> | undefined
  const signIn = (): Promise<Lease> => {
    const attempt = (async () => {
      const body = JSON.stringify(await credentials())
      // It goes on for the others when the caller that began it gives up.
      const answer = await send(
        `auth/${mount}/login`,
        { method: 'POST', headers: {}, body },
        AbortSignal.timeout(60_000),
      )
      return readLease(mount, answer)
    })()
    lease = attempt
    attempt.catch(() => {
      if (lease === attempt) lease = undefined
    })
    return attempt
  }
  return {
    async token() {
      const current = await (lease ?? signIn())
      return performance.now() < current.renewAt ? current.token : (await signIn()).token
    },
    async replace(refused) {
      const current = await lease
      return current !== undefined && current.token !== refused ? current.token : (await signIn()).token
    },
  }
}

function readLease(mount: string, { status, body }: HttpAnswer): Lease {
  if (status !== 200) throw new ComponentError(`couldn't sign in at auth/${mount}, status code ${status}, body ${body}`)
  try {
    const { client_token: token, lease_duration: seconds } = JSON.parse(body).auth
    if (typeof token === 'string' && typeof seconds === 'number') {
      return { token, renewAt: seconds === 0 ? Number.POSITIVE_INFINITY : performance.now() + seconds * 900 }
    }
  } catch {
    // Said below, without what was read: it may hold the token.
  }
  throw new ComponentError(`couldn't sign in at auth/${mount}: the answer has no token`)
}
