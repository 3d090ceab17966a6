/** Connections to Azure by the standard proxy and CA variables, chosen as Go chooses them. */
import { readFileSync } from 'node:fs'
import http from 'node:http'
import https from 'node:https'
import { getCACertificates } from 'node:tls'
import { ComponentError } from '../component-error.ts'
import { goFileErrorText } from '../go/file-error.ts'

type Environment = Readonly<Record<string, string | undefined>>

export interface Agents {
  agentFor(url: URL): { readonly agent: http.Agent | https.Agent; readonly proxied: boolean }
  close(): void
}

/**
 * HTTPS_PROXY for https, HTTP_PROXY for http, NO_PROXY for exceptions, loopback never proxied; SSL_CERT_FILE in place of
 * the built-in roots (NODE_EXTRA_CA_CERTS still adds to them). A certificate is always verified.
 */
export function createAgents(environment: Environment): Agents {
  const ca = certificateAuthorities(environment)
  const proxyEnv = proxyVariables(environment)
  const direct = { http: new http.Agent({ keepAlive: true }), https: new https.Agent({ keepAlive: true, ca }) }
  const proxying = {
    http: new http.Agent({ keepAlive: true, proxyEnv }),
    https: new https.Agent({ keepAlive: true, proxyEnv, ca }),
  }
  return {
    agentFor(url) {
      const secure = url.protocol === 'https:'
      const proxied = !isLoopback(url.hostname) && Boolean(secure ? proxyEnv.HTTPS_PROXY : proxyEnv.HTTP_PROXY)
      const agents = proxied ? proxying : direct
      return { agent: secure ? agents.https : agents.http, proxied }
    },
    close() {
      for (const agent of [direct.http, direct.https, proxying.http, proxying.https]) agent.destroy()
    },
  }
}

function proxyVariables(environment: Environment): { HTTPS_PROXY?: string; HTTP_PROXY?: string; NO_PROXY?: string } {
  const variable = (name: string): string | undefined =>
    environment[name] || environment[name.toLowerCase()] || undefined
  const set = ['HTTPS_PROXY', 'HTTP_PROXY', 'NO_PROXY'].map((name) => [name, variable(name)] as const)
  return Object.fromEntries(set.filter(([, value]) => value !== undefined))
}

function certificateAuthorities(environment: Environment): string[] | undefined {
  const path = environment.SSL_CERT_FILE
  if (!path) return undefined
  try {
    return [readFileSync(path, 'utf8'), ...getCACertificates('extra')]
  } catch (error) {
    throw new ComponentError(`failed to read the certificates of SSL_CERT_FILE: ${goFileErrorText(path, error)}`)
  }
}

function isLoopback(hostname: string): boolean {
  return hostname === 'localhost' || hostname === '[::1]' || /^127\.\d+\.\d+\.\d+$/.test(hostname)
}
