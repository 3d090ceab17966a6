import { mkdir, mkdtemp, open, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { setDefaultCACertificates } from 'node:tls'
import { ResourceManagementClient } from '@azure/arm-resources'
import { ClientSecretCredential } from '@azure/identity'
import { afterAll, beforeAll, expect, test, vi } from 'vitest'
import { type CloudEnvironment, keystead, keysteadCommand, run, succeed } from '../support/cloud.ts'
import { quietPort } from '../support/ports.ts'
import { gone, pidOf, processNames, restarted, type Status, statusOf } from '../support/processes.ts'
import { onTerminal, Started } from '../support/started.ts'

let directory: string
/** The cloud that most tests share, one after the other. */
let data: string

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'keystead-lifecycle-'))
  data = join(directory, 'data')
})
afterAll(async () => {
  for (const name of await readdir(directory)) await keystead(join(directory, name), 'down')
  await rm(directory, { recursive: true, force: true })
})

const up = (dataDirectory: string, ...rest: string[]) => keystead(dataDirectory, 'up', '--detach', ...rest)

async function environmentOf(dataDirectory: string): Promise<CloudEnvironment> {
  const { stdout } = await succeed(keystead(dataDirectory, 'env', '--output', 'json'))
  return JSON.parse(stdout) as CloudEnvironment
}

/** An unmodified client, with its own retries (more than by default: a core starts slowly on a busy machine), as the owner. */
async function clientOf(environment: CloudEnvironment): Promise<ResourceManagementClient> {
  for (const name of ['HTTPS_PROXY', 'HTTP_PROXY', 'NO_PROXY']) process.env[name] = environment[name]
  setDefaultCACertificates([await readFile(environment.NODE_EXTRA_CA_CERTS ?? '', 'utf8')])
  const { AZURE_TENANT_ID, AZURE_CLIENT_ID, AZURE_CLIENT_SECRET, AZURE_SUBSCRIPTION_ID } = environment
  return new ResourceManagementClient(
    new ClientSecretCredential(AZURE_TENANT_ID, AZURE_CLIENT_ID, AZURE_CLIENT_SECRET),
    AZURE_SUBSCRIPTION_ID,
    { retryOptions: { maxRetries: 15, maxRetryDelayInMs: 2000 } },
  )
}

const pids = async (dataDirectory: string) =>
  (await statusOf(dataDirectory)).processes.flatMap(({ pid }) => (pid === undefined ? [] : [pid]))

test('`up` in the foreground stays until Ctrl-C, which leaves no process', async () => {
  const port = String(await quietPort())
  await using terminal = onTerminal(keysteadCommand, ['up', '--data-dir', data, '--gateway-port', port])
  await terminal.until(/Keystead is up/)
  const running = await pids(data)
  expect(running).toHaveLength(processNames.length)
  terminal.type('\x03')
  expect(await terminal.ended).toEqual({ code: 0, signal: null })
  await gone(running)
  expect(await statusOf(data)).toMatchObject({ up: false, ready: false, processes: [] })
})

let environment: CloudEnvironment

test('`up --detach` brings it back on the same ports; a second `up` is refused', async () => {
  await succeed(up(data))
  environment = await environmentOf(data)
  for (const flags of [['--detach'], [], ['--gateway-port', '1'], ['--output', 'json']]) {
    const { code, stdout, stderr } = await keystead(data, 'up', ...flags)
    expect(code).toBe(1)
    expect(stderr).toContain(`A cloud already runs on ${data} (pid ${pidOf(await statusOf(data), 'supervisor')}).`)
    expect(stderr).toContain('keystead down')
    if (flags.includes('json')) expect(JSON.parse(stdout).error.message).toContain('already runs')
  }
})

test('a supervisor killed with -9 leaves no orphans, and `up` comes back with what was there', async () => {
  const before = await statusOf(data)
  await (await clientOf(environment)).resourceGroups.createOrUpdate('kept', { location: 'westeurope' })
  process.kill(pidOf(before, 'supervisor'), 'SIGKILL')
  // At once: it has to wait for what the killed one left.
  await succeed(up(data))
  const after = await statusOf(data)
  await gone(before.processes.flatMap(({ pid }) => pid ?? []))
  expect(after.processes.map(({ address }) => address)).toEqual(before.processes.map(({ address }) => address))
  expect(await environmentOf(data)).toEqual(environment)
  expect((await (await clientOf(environment)).resourceGroups.get('kept')).name).toBe('kept')
})

test('a core killed with -9 is started again by the supervisor, and a client goes on', async () => {
  const client = await clientOf(environment)
  const before = await statusOf(data)
  process.kill(pidOf(before, 'core'), 'SIGKILL')
  expect((await client.resourceGroups.get('kept')).name).toBe('kept')
  await restarted(data, 'core', pidOf(before, 'core'))
  const after = await statusOf(data)
  expect(pidOf(after, 'supervisor')).toBe(pidOf(before, 'supervisor'))
  expect(after.processes.find(({ name }) => name === 'core')?.restarts).toBe(1)
  const { stdout } = await succeed(keystead(data, 'logs', 'core'))
  expect(stdout).toContain('core was ended by SIGKILL; starting it again')
})

test('two clouds that start at once run side by side, and neither knows the other', async () => {
  const [other, third] = [join(directory, 'other'), join(directory, 'third')]
  await Promise.all([succeed(up(other)), succeed(up(third))])
  await succeed(keystead(third, 'reset', '--yes'))
  const theirs = await environmentOf(other)
  const ports = (status: Status) => status.processes.flatMap(({ address }) => address.match(/\d+(?=$|,)/g) ?? [])
  const ours = ports(await statusOf(data))
  expect(ports(await statusOf(other)).filter((port) => ours.includes(port))).toEqual([])
  expect(theirs.AZURE_SUBSCRIPTION_ID).not.toBe(environment.AZURE_SUBSCRIPTION_ID)
  const groups: string[] = []
  for await (const { name } of (await clientOf(theirs)).resourceGroups.list()) groups.push(name ?? '')
  expect(groups).toEqual([])
  const mixed = await clientOf({ ...theirs, AZURE_CLIENT_ID: environment.AZURE_CLIENT_ID } as CloudEnvironment)
  await expect(mixed.resourceGroups.get('kept')).rejects.toThrow('AADSTS700016')
  await succeed(keystead(other, 'reset', '--yes'))
  expect(await readdir(directory)).toEqual(['data'])
  expect((await statusOf(data)).ready).toBe(true)
})

test('`down` stops it and frees the ports; `status`, `exec`, `run` and `doctor` then say so', async () => {
  const running = await pids(data)
  await succeed(keystead(data, 'down'))
  await gone(running)
  expect((await succeed(keystead(data, 'down'))).stderr).toBe(`Nothing runs on ${data}.\n`)
  expect((await succeed(keystead(data, 'status'))).stdout).toContain('Start it with `keystead up`')
  for (const args of [
    ['exec', '--', 'true'],
    ['run', '--app-id', 'a', '--', 'true'],
  ] as const) {
    const [name, ...rest] = args
    const { code, stderr } = await keystead(data, name, ...rest)
    expect([code, stderr]).toEqual([1, 'error: The cloud is down.\nStart it with `keystead up --detach`.\n'])
  }
  const { code, stdout } = await keystead(data, 'doctor', '--output', 'json')
  expect(code).toBe(1)
  expect(JSON.parse(stdout).findings).toContainEqual({
    check: 'cloud',
    state: 'problem',
    detail: 'It is down.',
    mend: 'Start it with `keystead up --detach`.',
  })
  expect((await keystead(data, 'env')).stderr).toContain('The cloud is down.')
})

async function occupied(port: number, during: () => Promise<void>): Promise<void> {
  const server = createServer().listen(port, '127.0.0.1')
  await new Promise((resolve) => server.once('listening', resolve))
  try {
    await during()
  } finally {
    await new Promise((resolve) => server.close(resolve))
  }
}

test('a port in use is told, whichever of them it is', async () => {
  const { ports } = JSON.parse(await readFile(join(data, 'settings.json'), 'utf8')) as { ports: Record<string, number> }
  for (const [name, port] of Object.entries(ports)) {
    await occupied(port, async () => {
      const { code, stderr } = await up(data)
      expect(code).toBe(1)
      expect(stderr).toContain(`error: Port ${port} on 127.0.0.1 (${name}) is in use by another program.\nStop that`)
      const doctor = await keystead(data, 'doctor')
      expect(doctor.stdout).toContain(`Another program uses ${port} (${name}).`)
    })
  }
  const busy = createServer().listen(0, '127.0.0.1')
  await new Promise((resolve) => busy.once('listening', resolve))
  const { port } = busy.address() as { port: number }
  const { code, stderr } = await up(join(directory, 'another'), '--gateway-port', String(port))
  await new Promise((resolve) => busy.close(resolve))
  expect([code, stderr]).toEqual([
    1,
    `error: Port ${port} is in use by another program.\nChoose another one with \`--gateway-port N\`.\n`,
  ])
})

test('a wrong master key is told and harms nothing', async () => {
  const withKey = (key: string, ...args: string[]) =>
    run(keysteadCommand, [...args, '--data-dir', data], { env: { ...process.env, KEYSTEAD_MASTER_KEY: key } })
  const wrong = Buffer.alloc(32, 7).toString('base64')
  const started = await withKey(wrong, 'up', '--detach')
  expect(started.code).toBe(1)
  expect(started.stderr).toMatch(/^error: .*master key/)
  expect(started.stderr).toContain(`Set KEYSTEAD_MASTER_KEY to the key that ${data} was made with`)
  for (const command of ['env', 'up'] as const) {
    const malformed = await withKey('c2hvcnQ=', command)
    expect(malformed.code).toBe(1)
    expect(malformed.stderr).toContain('KEYSTEAD_MASTER_KEY must hold 32 bytes in base64 (44 characters).')
    expect(malformed.stderr).not.toContain('c2hvcnQ')
  }
  const asked = await withKey(wrong, 'env')
  expect(asked.code).toBe(1)
  expect(asked.stderr).toContain(`The master key is not the one that ${data} was made with.`)
  const right = (await readFile(join(data, 'master.key'), 'utf8')).trim()
  expect(JSON.parse((await succeed(withKey(right, 'env', '--output', 'json'))).stdout)).toMatchObject({
    AZURE_CLIENT_SECRET: environment.AZURE_CLIENT_SECRET,
  })
  expect([started, asked].map(({ stdout, stderr }) => stdout + stderr).join('')).not.toContain(wrong)
})

test('a lost master key is told, and no new one is made over the old data', async () => {
  const file = join(data, 'master.key')
  const key = await readFile(file, 'utf8')
  await rm(file)
  for (const command of ['up', 'env']) {
    const { code, stderr } = await keystead(data, command)
    expect(code).toBe(1)
    expect(stderr).toContain(`There is no master key: ${file} does not exist and KEYSTEAD_MASTER_KEY is not set.`)
    expect(stderr).toContain('Set KEYSTEAD_MASTER_KEY to the key this data directory was made with.')
  }
  expect(await readdir(data)).not.toContain('master.key')
  await writeFile(file, key, { mode: 0o644 })
  expect((await up(data)).stderr).toContain(`chmod 600`)
  await rm(file)
  await writeFile(file, key, { mode: 0o600 })
})

test('a locked database is told', async () => {
  const holder = new DatabaseSync(join(data, 'keystead.db'))
  holder.exec('PRAGMA locking_mode = EXCLUSIVE; BEGIN EXCLUSIVE; COMMIT')
  const { code, stderr } = await up(data)
  holder.close()
  expect(code).toBe(1)
  expect(stderr).toContain(`The database ${join(data, 'keystead.db')} is in use by another process.`)
})

test('it comes up again after all those refusals, with what it held', async () => {
  await succeed(up(data))
  expect(await environmentOf(data)).toEqual(environment)
  expect((await (await clientOf(environment)).resourceGroups.get('kept')).name).toBe('kept')
  await succeed(keystead(data, 'down'))
})

test('a corrupt database is told, with what to do', async () => {
  const file = join(data, 'keystead.db')
  await rm(`${file}-wal`, { force: true })
  const database = await open(file, 'r+')
  await database.write(Buffer.alloc(4096, 0x5a), 0, 4096, 0)
  await database.close()
  const { code, stderr } = await up(data)
  expect(code).toBe(1)
  expect(stderr).toContain(`The database ${file} is damaged`)
  expect(stderr).toContain(`Restore ${file} from a backup, or run \`keystead reset\`.`)
})

test('damaged settings are told; `reset` asks on a terminal, and deletes only what the cloud made', async () => {
  await writeFile(join(data, 'settings.json'), '{"format":')
  await writeFile(join(data, 'runtime.json'), '')
  await writeFile(join(data, 'notes.txt'), 'mine')
  for (const command of ['status', 'up', 'env', 'down']) {
    const { code, stderr } = await keystead(data, command)
    expect(code).toBe(1)
    expect(stderr).toContain(`${join(data, 'settings.json')} is damaged.`)
    expect(stderr).toContain('keystead reset')
  }
  const unasked = await keystead(data, 'reset')
  expect([unasked.code, unasked.stderr]).toEqual([
    1,
    'error: Nothing was deleted.\nAnswer yes, or use `keystead reset --yes`.\n',
  ])
  for (const [answer, code] of [
    ['no', 1],
    ['yes', 0],
  ] as const) {
    await using terminal = onTerminal(keysteadCommand, ['reset', '--data-dir', data])
    await terminal.until(/\(yes\/no\)/)
    terminal.type(`${answer}\n`)
    expect((await terminal.ended).code).toBe(code)
    expect((await readdir(data)).length > 1).toBe(answer === 'no')
  }
  expect(await readdir(data)).toEqual(['notes.txt'])
  const again = await keystead(data, 'reset', '--yes')
  expect([again.code, again.stderr]).toEqual([
    1,
    `error: No cloud in ${data}.\nMake one with \`keystead up --detach\`.\n`,
  ])
})

test('a data directory that can not be one is told', async () => {
  const file = join(directory, 'file')
  await writeFile(file, '')
  const { code, stderr } = await up(file)
  expect(code).toBe(1)
  expect(stderr).toContain('Choose a directory')
  await mkdir(join(directory, 'empty'))
  for (const command of ['status', 'env', 'down', 'logs']) {
    const { code, stderr } = await keystead(join(directory, 'empty'), command)
    expect([code, stderr]).toEqual([
      1,
      `error: No cloud in ${join(directory, 'empty')}.\nMake one with \`keystead up --detach\`.\n`,
    ])
  }
  expect(await readdir(join(directory, 'empty'))).toEqual([])
})

test('`up` ended before it is ready leaves no process either', async () => {
  const early = join(directory, 'early')
  await using started = new Started(keysteadCommand, ['up', '--data-dir', early])
  const running = await vi.waitFor(
    async () => {
      const { processes } = JSON.parse(await readFile(join(early, 'runtime.json'), 'utf8')) as Status
      expect(processes).toHaveLength(processNames.length - 1)
      return processes.flatMap(({ pid }) => pid ?? [])
    },
    { timeout: 30_000, interval: 10 },
  )
  started.kill('SIGINT')
  expect((await started.ended).signal).toBe('SIGINT')
  await gone(running)
})
