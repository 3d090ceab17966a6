import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setDefaultCACertificates } from 'node:tls'
import { ManagedServiceIdentityClient } from '@azure/arm-msi'
import { ResourceManagementClient } from '@azure/arm-resources'
import { ClientSecretCredential } from '@azure/identity'
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest'
import { type CloudEnvironment, keystead, keysteadCommand, root, run, succeed } from '../support/cloud.ts'
import { Gateway } from '../support/gateway.ts'
import { quietPort } from '../support/ports.ts'
import { gone, isAlive, processNames, statusOf } from '../support/processes.ts'
import { onTerminal, Started } from '../support/started.ts'

/** A name that a shell would take apart. */
const awkward = `it's a "cloud" $HOME \`id\``
let directory: string
let data: string
let environment: CloudEnvironment
let gateway: Gateway
/** Resource ids. */
let identity: string
let clientId: string

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'keystead-commands-'))
  data = join(directory, awkward)
  await succeed(keystead(data, 'up', '--gateway-port', String(await quietPort()), '--detach'))
  environment = JSON.parse((await succeed(keystead(data, 'env', '--output', 'json'))).stdout) as CloudEnvironment
  gateway = await Gateway.of(environment)
  for (const name of ['HTTPS_PROXY', 'HTTP_PROXY', 'NO_PROXY']) process.env[name] = environment[name]
  setDefaultCACertificates([await readFile(environment.NODE_EXTRA_CA_CERTS ?? '', 'utf8')])
  const { AZURE_TENANT_ID, AZURE_CLIENT_ID, AZURE_CLIENT_SECRET, AZURE_SUBSCRIPTION_ID } = environment
  const credential = new ClientSecretCredential(AZURE_TENANT_ID, AZURE_CLIENT_ID, AZURE_CLIENT_SECRET)
  await new ResourceManagementClient(credential, AZURE_SUBSCRIPTION_ID).resourceGroups.createOrUpdate('rg', {
    location: 'westeurope',
  })
  const identities = new ManagedServiceIdentityClient(credential, AZURE_SUBSCRIPTION_ID).userAssignedIdentities
  const made = await identities.createOrUpdate('rg', 'id-app', { location: 'westeurope' })
  identity = made.id ?? ''
  clientId = made.clientId ?? ''
})
afterAll(async () => {
  await keystead(data, 'reset', '--yes')
  await rm(directory, { recursive: true, force: true })
})

const commands = ['up', 'down', 'status', 'env', 'exec', 'run', 'explain', 'logs', 'doctor', 'reset', 'quickstart']

describe('help', () => {
  test.each(commands)('`keystead %s --help` has an example and takes --data-dir', async (name) => {
    const { stdout, stderr } = await succeed(run(keysteadCommand, [name, '--help']))
    expect(stdout).toMatch(new RegExp(`^Usage: keystead ${name} `))
    expect(stdout).toContain('--data-dir <directory>')
    expect(stdout).toMatch(new RegExp(`Example:\n {2}\\$ .*keystead ${name}`))
    expect(stderr).toBe('')
  })

  test('`keystead --help` names every command', async () => {
    const { stdout } = await succeed(run(keysteadCommand, ['--help']))
    for (const name of commands) expect(stdout).toMatch(new RegExp(`^ {2}${name} `, 'm'))
    expect(stdout).toContain('Example:')
  })

  test('what is misspelt is told with where to look', async () => {
    for (const [args, message] of [
      [['staus'], "unknown command 'staus'"],
      [['status', '--ouput', 'json'], "unknown option '--ouput'"],
      [['status', '--output', 'yaml'], "argument 'yaml' is invalid. Allowed choices are text, json."],
      [['up', '--gateway-port', '70000'], 'A port is 1 to 65535.'],
      [['run', '--', 'true'], "required option '--app-id <id>' not specified"],
      [['exec'], "missing required argument 'command'"],
    ] as const) {
      const { code, stderr } = await run(keysteadCommand, args)
      expect(code).not.toBe(0)
      expect(stderr).toContain(message)
      expect(stderr).not.toContain('    at ')
    }
  })
})

describe('output', () => {
  test('`status` shows each process with its pid and address', async () => {
    const status = await statusOf(data)
    expect(status).toMatchObject({ dataDirectory: data, up: true, ready: true })
    expect(status.processes.map(({ name, state }) => [name, state])).toEqual(
      processNames.map((name) => [name, 'running']),
    )
    const { stdout } = await succeed(keystead(data, 'status'))
    for (const { name, pid, address } of status.processes) {
      expect(isAlive(pid ?? 0)).toBe(true)
      expect(stdout).toMatch(new RegExp(`^${name} +${pid} +running +0 +${address}$`, 'm'))
    }
  })

  test('has no colours in a pipe, and has them on a terminal', async () => {
    // Node paints nothing where it sees a CI that it does not know.
    const { FORCE_COLOR: _, NO_COLOR: __, CI: ___, ...env } = process.env
    for (const name of ['status', 'doctor', 'logs']) {
      const { stdout, stderr } = await run(keysteadCommand, [name, '--data-dir', data], { env })
      expect(stdout + stderr).not.toContain('\x1b')
    }
    await using terminal = onTerminal(keysteadCommand, ['status', '--data-dir', data], {
      env: { ...env, TERM: 'xterm' },
    })
    await terminal.ended
    expect(terminal.stdout).toContain('\x1b[')
  })

  test('`doctor` finds nothing wrong with a cloud that runs, seen from a shell that uses it', async () => {
    const { stdout } = await succeed(
      keystead(data, 'exec', '--', keysteadCommand, 'doctor', '--data-dir', data, '--output', 'json'),
    )
    const { findings } = JSON.parse(stdout) as { findings: { check: string; state: string; mend?: string }[] }
    expect(findings.filter(({ state }) => state !== 'ok').map(({ check }) => check)).toEqual(
      findings.some(({ check, state }) => check === 'names' && state !== 'ok') ? ['names'] : [],
    )
    expect(findings.map(({ check }) => check)).toEqual(
      expect.arrayContaining(['versions', 'ports', 'proxy', 'certificates', 'clock']),
    )
  })

  test('`logs` prints one process or all, follows, and ends quietly when nobody reads on', async () => {
    const { stdout } = await succeed(keystead(data, 'logs', 'core'))
    expect(stdout).toMatch(/^\{"level":"info".*"msg":"ready"\}$/m)
    expect((await succeed(keystead(data, 'logs'))).stdout).toMatch(/^audit \{/)
    const unknown = await keystead(data, 'logs', 'nobody')
    expect(unknown.code).toBe(1)
    expect(unknown.stderr).toBe(
      "error: No process 'nobody' has a log.\nThere are: audit, azurite, core, logs, supervisor.\n",
    )
    const cut = await run('sh', ['-c', `"$0" logs --data-dir "$1" | head -c 1 >&2`, keysteadCommand, data])
    expect([cut.code, cut.stderr]).toEqual([0, 'a'])
    await using following = new Started(keysteadCommand, ['logs', 'audit', '--follow', '--data-dir', data])
    await following.until(/"operation"/)
    const { status } = await gateway.send({
      host: 'management.azure.com',
      method: 'PUT',
      path: `/subscriptions/${environment.AZURE_SUBSCRIPTION_ID}/resourceGroups/just-now?api-version=2021-04-01`,
      headers: {
        authorization: `Bearer ${await gateway.ownerToken('https://management.azure.com')}`,
        'content-type': 'application/json',
      },
      body: '{"location":"westeurope"}',
    })
    expect(status).toBe(201)
    await following.until(/resourceGroups\/just-now/)
    following.kill('SIGINT')
    await following.ended
  })
})

describe('env and exec', () => {
  test('`eval "$(keystead env)"` sets in sh exactly what `--output json` tells', async () => {
    const { stdout } = await succeed(
      run('sh', [
        '-c',
        'eval "$("$0" env --data-dir "$1")" && exec "$2" -p "JSON.stringify(process.env)"',
        keysteadCommand,
        data,
        process.execPath,
      ]),
    )
    expect(JSON.parse(stdout)).toMatchObject(environment)
    expect(environment.AZURE_CONFIG_DIR).toBe(join(data, 'azure'))
  })

  test('`exec` gives a command those variables, and passes on its exit code and its end by a signal', async () => {
    const { stdout } = await succeed(
      keystead(data, 'exec', '--', process.execPath, '-p', 'JSON.stringify(process.env)'),
    )
    expect(JSON.parse(stdout)).toMatchObject(environment)
    expect((await keystead(data, 'exec', '--', 'sh', '-c', 'exit 7')).code).toBe(7)
    expect((await keystead(data, 'exec', '--', 'sh', '-c', 'kill -KILL $$')).code).toBe(137)
    expect((await keystead(data, 'exec', 'sh', '-c', 'echo "$1" --help', '-', 'a b')).stdout).toBe('a b --help\n')
  })

  test('a command that is not there is told as a shell tells it', async () => {
    const { code, stdout, stderr } = await keystead(data, 'exec', '--', 'no-such-command', '--output', 'json')
    expect([code, stdout, stderr]).toEqual([
      127,
      '',
      "error: 'no-such-command' was not found.\nCheck the spelling, and that it is on PATH.\n",
    ])
    expect((await keystead(data, 'exec', '--', join(root, 'package.json'))).code).toBe(126)
  })

  test('Ctrl-C reaches the command once, and `exec` ends with it', async () => {
    const script = 'trap "echo interrupted; exit 9" INT; echo started; while :; do sleep 0.1; done'
    await using terminal = onTerminal(keysteadCommand, ['exec', '--data-dir', data, '--', 'sh', '-c', script])
    await terminal.until(/started/)
    terminal.type('\x03')
    expect((await terminal.ended).code).toBe(9)
    expect(terminal.stdout.match(/interrupted/g)).toHaveLength(1)
  })
})

describe('run', () => {
  const runApp = (flags: readonly string[], program: string, env: NodeJS.ProcessEnv = {}) =>
    run(
      keysteadCommand,
      ['run', '--data-dir', data, '--app-id', 'orders', ...flags, '--', process.execPath, '-e', program],
      {
        env: { ...process.env, ...env },
      },
    )

  const tell = `
    const { writeFileSync } = require('node:fs')
    const ask = async (url, headers = {}) => { const answer = await fetch(url, { headers }); return [answer.status, await answer.json()] }
    const main = async () => {
      const url = process.env.IDENTITY_ENDPOINT + '?api-version=2019-08-01&resource=https://vault.azure.net&client_id=' + process.env.WHO
      const [status, token] = await ask(url, { 'x-identity-header': process.env.IDENTITY_HEADER })
      const claims = token.access_token && JSON.parse(Buffer.from(token.access_token.split('.')[1], 'base64url'))
      const [, metadata] = await ask('http://127.0.0.1:' + process.env.DAPR_HTTP_PORT + '/v1.0/metadata')
      console.log(JSON.stringify({ environment: process.env, status, claims, app: metadata.id }))
      process.exitCode = 5
    }
    main()`

  test('gives the app no credential, its own identity, its sidecar, and passes on its exit code', async () => {
    const credentials = {
      AZURE_CLIENT_SECRET: 'a-secret-of-the-person',
      AZURE_CLIENT_ID: 'a-client-of-the-person',
      AZURE_FEDERATED_TOKEN_FILE: '/a/token',
      AZURE_STORAGE_CONNECTION_STRING: 'AccountKey=a-key-of-the-person',
      IDENTITY_HEADER: 'a-header-of-the-person',
      KEYSTEAD_MASTER_KEY: (await readFile(join(data, 'master.key'), 'utf8')).trim(),
    }
    const { code, stdout, stderr } = await runApp(['--identity', identity, '--app-port', '4321'], tell, {
      ...credentials,
      WHO: clientId,
    })
    expect(code, stderr).toBe(5)
    const told = JSON.parse(stdout.split('\n').find((line) => line.startsWith('{')) ?? '') as {
      environment: Record<string, string>
      status: number
      claims: Record<string, string>
      app: string
    }
    expect(told).toMatchObject({
      status: 200,
      app: 'orders',
      claims: { appid: clientId, aud: 'https://vault.azure.net' },
    })
    expect(told.environment).toMatchObject({ APP_ID: 'orders', APP_PORT: '4321', HTTPS_PROXY: environment.HTTPS_PROXY })
    const shown = JSON.stringify(told.environment)
    for (const secret of [...Object.values(credentials), environment.AZURE_CLIENT_SECRET]) {
      expect(shown).not.toContain(secret)
    }
    expect(Object.keys(told.environment).filter((name) => name.startsWith('AZURE_'))).toEqual([])
    // The replica went with the app.
    const answer = await fetch(
      `${told.environment.IDENTITY_ENDPOINT}?api-version=2019-08-01&resource=https://vault.azure.net`,
      {
        headers: { 'x-identity-header': told.environment.IDENTITY_HEADER ?? '' },
      },
    )
    expect(answer.status).toBe(401)
  })

  test('an app gets no token for an identity that it was not given', async () => {
    const { stdout } = await runApp([], tell, { WHO: clientId })
    const told = JSON.parse(stdout.split('\n').find((line) => line.startsWith('{')) ?? '')
    expect(told.status).toBeGreaterThanOrEqual(400)
    expect(told.claims).toBeUndefined()
  })

  test('a sidecar that ends takes the app along', async () => {
    const { code, stderr } = await runApp(
      [],
      `fetch('http://127.0.0.1:' + process.env.DAPR_HTTP_PORT + '/v1.0/shutdown', { method: 'POST' }); setInterval(() => {}, 1000)`,
    )
    expect(code).toBe(143)
    expect(stderr).toContain('The sidecar ended with exit code 0; stopping the app as well.')
  })

  test('a sidecar that can not start is told, and the app is never started', async () => {
    const { code, stdout, stderr } = await runApp(
      ['--resources-path', join(directory, 'no-such-directory')],
      `console.log('the app runs')`,
    )
    expect(code).toBe(1)
    expect(stdout).not.toContain('the app runs')
    expect(stderr).toContain('level=fatal')
    expect(stderr).toContain(
      'error: The sidecar ended with exit code 1 before it was ready.\nIts log above says why.\n',
    )
  })

  test('an app that can not be started is told, and its sidecar stopped', async () => {
    const { code, stderr } = await keystead(data, 'run', '--app-id', 'orders', '--', 'no-such-app')
    expect(code).toBe(127)
    expect(stderr).toContain("error: 'no-such-app' was not found.")
  })

  test('an identity that does not exist is refused', async () => {
    const { code, stderr } = await runApp(['--identity', `${identity}-not-there`], '')
    expect(code).toBe(1)
    expect(stderr).toContain(`ResourceNotFound: No managed identity '${identity}-not-there' exists.`)
    expect(stderr).toContain('az identity create')
  })

  test('an identity that the caller may not assign is refused, and so are others that ask for their replicas', async () => {
    const ownerToken = await gateway.ownerToken('https://management.azure.com')
    const replica = await gateway.control('PUT', '/replicas/mine', ownerToken, { identities: [identity] })
    expect(replica.status).toBe(200)
    const { identityEndpoint, identityHeader } = replica.json as { identityEndpoint: string; identityHeader: string }
    const answer = await fetch(
      `${identityEndpoint}?api-version=2019-08-01&resource=https://management.azure.com&client_id=${clientId}`,
      { headers: { 'x-identity-header': identityHeader } },
    )
    const { access_token: token } = (await answer.json()) as { access_token: string }
    for (const [method, path, body] of [
      ['PUT', '/replicas/theirs', { identities: [identity] }],
      ['PUT', '/replicas/mine', { identities: [] }],
      ['DELETE', '/replicas/mine', undefined],
    ] as const) {
      const refused = await gateway.control(method, path, token, body)
      expect(refused.status).toBe(403)
      expect(refused.json).toMatchObject({ error: { code: 'AuthorizationFailed' } })
    }
    for (const [path, body, status] of [
      ['/replicas/mine', undefined, 400],
      ['/replicas/mine', { identities: 'all' }, 400],
      ['/replicas/Not%20A%20Name', { identities: [] }, 400],
      ['/replicas/..%2F..', { identities: [] }, 400],
      ['/elsewhere', {}, 404],
    ] as const) {
      expect((await gateway.control('PUT', path, ownerToken, body)).status).toBe(status)
    }
    expect((await gateway.control('DELETE', '/replicas/mine', 'not.a.token')).status).toBe(401)
    expect((await gateway.control('DELETE', '/replicas/mine', ownerToken)).status).toBe(204)
  })

  test('Ctrl-C reaches the app once, which has its sidecar until it is done, and leaves neither', async () => {
    const program = `
      process.on('SIGINT', () => {
        console.log('interrupted')
        fetch('http://127.0.0.1:' + process.env.DAPR_HTTP_PORT + '/v1.0/healthz').then(() => process.exit(3))
      })
      console.log('app ' + process.pid + ' ' + process.env.DAPR_HTTP_PORT); setInterval(() => {}, 1000)`
    await using terminal = onTerminal(keysteadCommand, [
      ...['run', '--data-dir', data, '--app-id', 'orders', '--', process.execPath, '-e', program],
    ])
    const [, pid, httpPort] = await terminal.until(/app (\d+) (\d+)/)
    terminal.type('\x03')
    expect((await terminal.ended).code).toBe(3)
    expect(terminal.stdout.match(/interrupted/g)).toHaveLength(1)
    await gone([Number(pid)])
    await expect(fetch(`http://127.0.0.1:${httpPort}/v1.0/healthz`)).rejects.toThrow()
  })

  test('a sidecar does not outlive a `run` that was killed with -9', async () => {
    await using started = new Started(keysteadCommand, [
      ...[
        'run',
        '--data-dir',
        data,
        '--app-id',
        'orders',
        '--',
        process.execPath,
        '-e',
        'console.log(process.env.DAPR_HTTP_PORT); setInterval(() => {}, 1000)',
      ],
    ])
    const [, httpPort] = await started.until(/^(\d+)$/m)
    started.kill('SIGKILL')
    await vi.waitFor(() => expect(fetch(`http://127.0.0.1:${httpPort}/v1.0/healthz`)).rejects.toThrow(), 10_000)
  })

  test('SIGTERM while the sidecar is not ready yet cleans up and never starts the app', async () => {
    await using started = new Started(keysteadCommand, [
      ...['run', '--data-dir', data, '--app-id', 'orders', '--', process.execPath, '-e', "console.log('the app runs')"],
    ])
    await started.until(/level=/)
    started.kill('SIGTERM')
    const { code } = await started.ended
    expect([143, 0]).toContain(code)
    if (code === 143) expect(started.stdout).not.toContain('the app runs')
  })
})
