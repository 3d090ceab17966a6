/** What a cluster says of itself when it is asked: its version, and who issues its service accounts' tokens. */
import { request } from 'node:https'
import { z } from 'zod'
import type { ClusterAccess } from './kubeconfig.ts'

export interface ClusterAnswer {
  /** e.g. `1.33.2`. */
  readonly version: string
  /** `issuer` of `/.well-known/openid-configuration`; undefined where anonymous or this user may not read it. */
  readonly issuer: string | undefined
}

const versionBody = z.object({ gitVersion: z.string().max(64) })
const configurationBody = z.object({ issuer: z.url().max(1024) })

const timeoutMs = 2000
const maxBytes = 64 * 1024

/** Undefined when the cluster does not answer, or does not let the user of the kubeconfig in. */
export async function askCluster(access: ClusterAccess): Promise<ClusterAnswer | undefined> {
  try {
    const { gitVersion } = versionBody.parse(await getJson(access, '/version'))
    const configuration = configurationBody.safeParse(
      await getJson(access, '/.well-known/openid-configuration').catch(() => undefined),
    )
    return { version: gitVersion.replace(/^v/, ''), issuer: configuration.data?.issuer }
  } catch {
    // Whatever it was, there is nothing to be said of the cluster.
    return undefined
  }
}

function getJson({ server, authority, certificate, key, token }: ClusterAccess, path: string): Promise<unknown> {
  return new Promise((resolve, reject) => {
    const outgoing = request(
      new URL(path, server),
      {
        ...(authority === undefined ? {} : { ca: authority }),
        ...(certificate === undefined || key === undefined ? {} : { cert: certificate, key }),
        ...(token === undefined ? {} : { headers: { authorization: `Bearer ${token}` } }),
        agent: false,
        signal: AbortSignal.timeout(timeoutMs),
      },
      (response) => {
        const chunks: Buffer[] = []
        let bytes = 0
        response.on('data', (chunk: Buffer) => {
          bytes += chunk.length
          if (bytes > maxBytes) response.destroy(new Error('the answer is too long'))
          else chunks.push(chunk)
        })
        response.on('error', reject)
        response.on('end', () => {
          if (response.statusCode !== 200) reject(new Error(`the cluster answered ${response.statusCode}`))
          else resolve(JSON.parse(Buffer.concat(chunks).toString('utf8')))
        })
      },
    )
    outgoing.on('error', reject)
    outgoing.end()
  })
}
