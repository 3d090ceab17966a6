/**
 * Azure names that Keystead claims but does not serve yet. They answer "not implemented" here: a token of this cloud
 * must not reach the real service because a client happened to ask for one of them.
 */
import type { RequestListener } from 'node:http'

export const unservedHosts: readonly { readonly pattern: string; readonly service: string }[] = [
  { pattern: '*.azurecr.io', service: 'Container Registry' },
  { pattern: '*.table.core.windows.net', service: 'Table storage' },
  { pattern: '*.file.core.windows.net', service: 'File storage' },
  { pattern: '*.dfs.core.windows.net', service: 'Data Lake storage' },
  { pattern: '*.managedhsm.azure.net', service: 'Managed HSM' },
]

/** 501 in the form that Azure's JSON services share. */
export function notImplemented(service: string): RequestListener {
  const body = JSON.stringify({
    error: { code: 'NotImplemented', message: `${service} is not implemented by Keystead. See docs/status.md.` },
  })
  return (request, response) => {
    request.resume()
    response.writeHead(501, { 'content-type': 'application/json; charset=utf-8' }).end(body)
  }
}
