/** A kubeconfig, as far as it says where the cluster is and how to be known there ("Organizing Cluster Access Using kubeconfig Files", kubernetes.io). */
import { ArmError } from '@keystead/resource-manager'
import { parseDocument } from 'yaml'
import { z } from 'zod'

const base64 = z.base64().transform((text) => Buffer.from(text, 'base64').toString('utf8'))

const schema = z.object({
  'current-context': z.string().min(1),
  contexts: z.array(z.object({ name: z.string(), context: z.object({ cluster: z.string(), user: z.string() }) })),
  clusters: z.array(
    z.object({
      name: z.string(),
      cluster: z.object({
        server: z.url({ protocol: /^https$/ }),
        'certificate-authority-data': base64.optional(),
        'certificate-authority': z.string().optional(),
        'insecure-skip-tls-verify': z.boolean().optional(),
      }),
    }),
  ),
  users: z.array(
    z.object({
      name: z.string(),
      user: z.object({
        token: z.string().optional(),
        'client-certificate-data': base64.optional(),
        'client-key-data': base64.optional(),
        'client-certificate': z.string().optional(),
        'client-key': z.string().optional(),
        tokenFile: z.string().optional(),
      }),
    }),
  ),
})

export interface ClusterAccess {
  /** e.g. `https://127.0.0.1:6443`. */
  readonly server: string
  /** PEM; undefined when the cluster is known to the system's authorities. */
  readonly authority: string | undefined
  readonly certificate: string | undefined
  readonly key: string | undefined
  readonly token: string | undefined
}

/** How the current context reaches its cluster. Throws ArmError 400, which never quotes the file. */
export function readKubeconfig(text: string): ClusterAccess {
  const document = parseDocument(text)
  if (document.errors.length > 0) throw refused('it is no YAML')
  const parsed = schema.safeParse(document.toJS())
  if (!parsed.success) {
    const [issue] = parsed.error.issues
    throw refused(`'${issue?.path.join('.')}' is not as it must be`)
  }
  const { contexts, clusters, users, 'current-context': current } = parsed.data
  const context = contexts.find(({ name }) => name === current)?.context
  const cluster = clusters.find(({ name }) => name === context?.cluster)?.cluster
  const user = users.find(({ name }) => name === context?.user)?.user
  if (cluster === undefined || user === undefined) throw refused('its current context names no cluster or no user')
  const files = [cluster['certificate-authority'], user['client-certificate'], user['client-key'], user.tokenFile]
  if (files.some((file) => file !== undefined)) {
    throw refused('it refers to files of one machine; `kubectl config view --flatten --minify` puts them into it')
  }
  if (cluster['insecure-skip-tls-verify'] === true) throw refused('it skips the verification of the cluster')
  return {
    server: cluster.server,
    authority: cluster['certificate-authority-data'],
    certificate: user['client-certificate-data'],
    key: user['client-key-data'],
    token: user.token,
  }
}

function refused(why: string): ArmError {
  return new ArmError(400, 'InvalidParameter', `The kubeconfig can not be used: ${why}.`)
}
