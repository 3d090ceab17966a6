/** A Vault or OpenBao server for the length of a test, from the program that VAULT_BIN names. */
import { existsSync } from 'node:fs'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { IssuedCertificate } from './certificates.ts'
import { freePort, type ServerProcess, startServer } from './server-process.ts'

export interface VaultServer {
  readonly url: string
  readonly rootToken: string
  /** Resolves with the answer's JSON. Rejects when the server refuses. */
  api(method: string, path: string, body?: unknown, token?: string): Promise<VaultAnswer>
  kill(): Promise<void>
  close(): Promise<void>
}

// biome-ignore lint/suspicious/noExplicitAny: what a test reads of an answer is its own affair
export type VaultAnswer = any

/** Undefined: VAULT_BIN is not set. Throws when it names no file: then somebody meant to run these tests. */
export function vaultBinary(): string | undefined {
  const path = process.env.VAULT_BIN
  if (!path) return undefined
  if (!existsSync(path)) throw new Error(`VAULT_BIN names ${path}, which does not exist`)
  return path
}

/** In development mode: everything in memory, unsealed, with version 2 of the key/value engine at `secret/`. */
export async function startVaultServer(binary: string, certificate?: IssuedCertificate): Promise<VaultServer> {
  const folder = await mkdtemp(join(tmpdir(), 'vault-'))
  const port = await freePort()
  const plainPort = certificate === undefined ? port : await freePort()
  const rootToken = 'root-for-the-length-of-a-test'
  const args = ['server', '-dev', `-dev-root-token-id=${rootToken}`, `-dev-listen-address=127.0.0.1:${plainPort}`]
  if (certificate !== undefined) {
    const [cert, key, config] = ['server.pem', 'server.key', 'tls.hcl'].map((name) => join(folder, name))
    await writeFile(String(cert), certificate.certificate)
    await writeFile(String(key), certificate.key)
    const listener = `address = "127.0.0.1:${port}"\n tls_cert_file = "${cert}"\n tls_key_file = "${key}"`
    await writeFile(String(config), `listener "tcp" {\n ${listener}\n}\n`)
    args.push('-config', String(config))
  }
  // The program keeps the root token in the home directory.
  args.push('-dev-no-store-token')
  const server: ServerProcess = await startServer(binary, args, /(?:server started!|Development mode should NOT)/i, {
    cwd: folder,
  })
  const plain = `http://127.0.0.1:${plainPort}`
  const api = async (method: string, path: string, body?: unknown, token = rootToken): Promise<VaultAnswer> => {
    const response = await fetch(`${plain}/v1/${path}`, {
      method,
      headers: { 'X-Vault-Token': token },
      ...(body !== undefined && { body: JSON.stringify(body) }),
    })
    const text = await response.text()
    if (!response.ok) throw new Error(`${method} ${path}: ${response.status} ${text}`)
    return text === '' ? {} : JSON.parse(text)
  }
  return {
    url: certificate === undefined ? plain : `https://127.0.0.1:${port}`,
    rootToken,
    api,
    kill: () => server.kill(),
    async close() {
      await server.kill()
      await rm(folder, { recursive: true })
    },
  }
}
