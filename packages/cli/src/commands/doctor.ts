/** `keystead doctor`: what could keep a client from reaching the cloud, and how to mend it. */
import { X509Certificate } from 'node:crypto'
import { lookup } from 'node:dns/promises'
import { access, constants, readFile, stat } from 'node:fs/promises'
import { request } from 'node:https'
import { connect } from 'node:net'
import type { DataDirectory, Settings } from '../data-directory.ts'
import { type OutputFormat, paint, printJson } from '../output.ts'
import { isLocked } from '../supervisor/lock.ts'

interface Finding {
  readonly check: string
  readonly state: 'ok' | 'warning' | 'problem'
  readonly detail: string
  /** What to do about it. */
  readonly mend?: string
}

/** Clocks further apart than this make tokens fail. */
const clockToleranceMs = 60_000

/** Answers the exit code: 1 when something has to be mended. */
export async function doctor(directory: DataDirectory, output: OutputFormat): Promise<number> {
  const findings = [checkNode(), ...(await checkDirectory(directory))]
  const settings = await directory.readSettings().catch(() => undefined)
  if (settings) {
    const up = isLocked(directory.lock)
    findings.push(await checkRunning(directory, settings, up))
    findings.push(...(await checkPorts(settings, up)))
    findings.push(await checkCertificate(directory))
    if (up) findings.push(await checkClock(directory, settings))
    findings.push(checkProxy(settings))
  }
  findings.push(await checkNames())
  if (output === 'json') printJson({ findings })
  else for (const finding of findings) printFinding(finding)
  return findings.some((finding) => finding.state === 'problem') ? 1 : 0
}

function printFinding({ check, state, detail, mend }: Finding): void {
  const mark = { ok: paint('green', '✓'), warning: paint('yellow', '!'), problem: paint('red', '✗') }[state]
  process.stdout.write(`${mark} ${check}: ${detail}\n${mend ? `    ${mend}\n` : ''}`)
}

function checkNode(): Finding {
  const major = Number(process.versions.node.split('.')[0])
  const check = 'versions'
  return major >= 24
    ? { check, state: 'ok', detail: `Node ${process.versions.node}, OpenSSL ${process.versions.openssl}` }
    : {
        check,
        state: 'problem',
        detail: `Node ${process.versions.node} is too old.`,
        mend: 'Run `npm ci`: the repository carries its own Node.',
      }
}

async function checkDirectory(directory: DataDirectory): Promise<readonly Finding[]> {
  const check = 'data directory'
  try {
    await access(directory.path, constants.W_OK)
  } catch {
    return [
      {
        check,
        state: 'problem',
        detail: `${directory.path} is not there, or can not be written.`,
        mend: 'Make a cloud with `keystead up --detach`.',
      },
    ]
  }
  const findings: Finding[] = [{ check, state: 'ok', detail: directory.path }]
  const key = await stat(directory.masterKey).catch(() => undefined)
  if (key && (key.mode & 0o077) !== 0) {
    findings.push({
      check: 'master key',
      state: 'problem',
      detail: 'Others can read it.',
      mend: `chmod 600 ${directory.masterKey}`,
    })
  }
  return findings
}

async function checkRunning(directory: DataDirectory, settings: Settings, up: boolean): Promise<Finding> {
  const check = 'cloud'
  const runtime = await directory.readRuntime()
  if (!up) return { check, state: 'problem', detail: 'It is down.', mend: 'Start it with `keystead up --detach`.' }
  const limping = runtime?.processes.filter((process) => process.state !== 'running') ?? []
  return limping.length === 0
    ? { check, state: 'ok', detail: `up, gateway on 127.0.0.1:${settings.ports.gateway}` }
    : {
        check,
        state: 'problem',
        detail: `${limping.map((process) => `${process.name} is ${process.state}`).join(', ')}.`,
        mend: '`keystead logs` says why.',
      }
}

async function checkPorts(settings: Settings, up: boolean): Promise<readonly Finding[]> {
  const findings: Finding[] = []
  for (const [name, port] of Object.entries(settings.ports)) {
    const answers = await accepts(port)
    if (answers === up) continue
    findings.push({
      check: 'ports',
      state: 'problem',
      detail: up ? `Nothing answers on ${port} (${name}).` : `Another program uses ${port} (${name}).`,
      mend: up ? '`keystead logs` says why.' : 'Stop that program, or `keystead up --gateway-port N`.',
    })
  }
  return findings.length > 0
    ? findings
    : [{ check: 'ports', state: 'ok', detail: Object.values(settings.ports).join(', ') }]
}

async function checkCertificate(directory: DataDirectory): Promise<Finding> {
  const check = 'certificates'
  const certificate = await readFile(directory.caCertificate).catch(() => undefined)
  if (certificate === undefined) {
    return {
      check,
      state: 'problem',
      detail: 'There is no local CA yet.',
      mend: 'Start the cloud once with `keystead up`.',
    }
  }
  const local = new X509Certificate(certificate)
  const validTo = new Date(local.validTo)
  return validTo.getTime() > Date.now()
    ? {
        check,
        state: 'ok',
        detail: `local CA valid until ${validTo.toISOString().slice(0, 10)}`,
      }
    : {
        check,
        state: 'problem',
        detail: `The local CA ended on ${validTo.toISOString().slice(0, 10)}.`,
        mend: 'Restart the cloud: it makes a new one.',
      }
}

async function checkClock(directory: DataDirectory, settings: Settings): Promise<Finding> {
  const check = 'clock'
  const ca = await readFile(directory.caBundle, 'utf8')
  const date = await new Promise<string | undefined>((resolve, reject) => {
    const outgoing = request(
      {
        host: '127.0.0.1',
        port: settings.ports.gateway,
        servername: 'login.microsoftonline.com',
        ca,
        headers: { host: 'login.microsoftonline.com' },
        path: `/${settings.tenantId}/v2.0/.well-known/openid-configuration`,
      },
      (response) => {
        response.resume()
        resolve(response.headers.date)
      },
    )
    outgoing.on('error', reject)
    outgoing.end()
  }).catch((error: Error) => error)
  if (date instanceof Error) {
    return {
      check,
      state: 'problem',
      detail: `The token service can not be reached over TLS: ${date.message}`,
      mend: 'Restart the cloud; `keystead logs core` says more.',
    }
  }
  const apart = Math.abs(Date.now() - new Date(date ?? 0).getTime())
  return apart < clockToleranceMs
    ? { check, state: 'ok', detail: 'this shell and the token service agree' }
    : {
        check,
        state: 'problem',
        detail: `They are ${Math.round(apart / 1000)} seconds apart.`,
        mend: 'Set the clock, then restart the cloud.',
      }
}

function checkProxy(settings: Settings): Finding {
  const check = 'proxy'
  const proxy = process.env.HTTPS_PROXY ?? process.env.https_proxy
  if (proxy === undefined) {
    return {
      check,
      state: 'warning',
      detail: 'This shell does not use the gateway.',
      mend: 'eval "$(keystead env)", or `keystead exec -- CMD`.',
    }
  }
  return proxy.endsWith(`:${settings.ports.gateway}`) || proxy.endsWith(`:${settings.ports.gateway}/`)
    ? { check, state: 'ok', detail: 'this shell uses the gateway' }
    : {
        check,
        state: 'warning',
        detail: 'This shell uses another proxy.',
        mend: '`keystead env` points it at the gateway; the proxy that was set when the cloud started is used for everything else.',
      }
}

async function checkNames(): Promise<Finding> {
  const check = 'names'
  const name = 'login.keystead.localhost'
  try {
    const { address } = await lookup(name)
    return { check, state: 'ok', detail: `${name} is ${address}: clients can do without the proxy` }
  } catch {
    return {
      check,
      state: 'warning',
      detail: `*.keystead.localhost does not resolve, so clients need the proxy.`,
      mend: `Where no proxy can be set: \`apt-get install libnss-myhostname\` (or systemd-resolved, which most distributions run), or a line for each name in the hosts file: 127.0.0.1 ${name}`,
    }
  }
}

function accepts(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ host: '127.0.0.1', port }, () => {
      socket.destroy()
      resolve(true)
    })
    socket.on('error', () => resolve(false))
  })
}
