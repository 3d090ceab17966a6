import { fileURLToPath } from 'node:url'
import { ClientSecretCredential } from '@azure/identity'
import { LogsQueryClient, LogsQueryResultStatus } from '@azure/monitor-query'
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest'
import { addApplications, type TestApplication } from '../support/applications.ts'
import { Az } from '../support/az.ts'
import { run, succeed, TestCloud } from '../support/cloud.ts'
import { Provisioner } from '../support/provisioner.ts'
import { python } from '../support/python.ts'

const program = fileURLToPath(new URL('query.py', import.meta.url))
const wrong = 'ContainerAppConsoleLogs_CL | wher Log_s'
const queries = [
  'print greeting = "hello", n = 42, t = datetime(2023-02-23T12:00:00Z), d = dynamic({"a": [1]}), s = 1h, b = true, r = 1.5',
  'ContainerAppConsoleLogs_CL | where Log_s contains "level=err" | project Log_s',
  'ContainerAppSystemLogs_CL | count',
  wrong,
]

let cloud: TestCloud
let owner: Provisioner
let reader: TestApplication
let workspace: { readonly id: string; readonly customerId: string }

beforeAll(async () => {
  cloud = await TestCloud.start()
  ;({ reader } = await addApplications(cloud, ['reader']))
  await cloud.connect()
  owner = await Provisioner.asOwner(cloud.environment)
  await using az = await Az.asOwner(cloud)
  workspace = (await az.json(
    'az monitor log-analytics workspace create --resource-group rg --workspace-name main --retention-time 60',
  )) as typeof workspace
})
afterAll(() => cloud?.[Symbol.asyncDispose]())

async function granted(scope: string, role: string): Promise<void> {
  onTestFinished(await owner.grant(scope, role, reader.objectId))
}

async function queryWithPython(id = workspace.customerId): Promise<Record<string, unknown>> {
  const env = {
    PATH: process.env.PATH,
    HOME: cloud.dataDirectory,
    ...cloud.environment,
    AZURE_CLIENT_ID: reader.clientId,
    AZURE_CLIENT_SECRET: reader.clientSecret,
  }
  const input = JSON.stringify({ workspace: id, resource: workspace.id, queries })
  const { stdout } = await succeed(run(python(), [program], { env, input }))
  return JSON.parse(stdout) as Record<string, unknown>
}

describe('azure-monitor-query (Python)', () => {
  test('reads typed tables, by customer id, by resource id and in a batch', async () => {
    await granted(workspace.id, 'Log Analytics Reader')
    const answers = await queryWithPython()
    const typed = {
      columns: ['greeting', 'n', 't', 'd', 's', 'b', 'r'],
      types: ['string', 'long', 'datetime', 'dynamic', 'timespan', 'bool', 'real'],
      rows: [['hello', '42', '2023-02-23 12:00:00+00:00', '{"a":[1]}', '01:00:00', 'True', '1.5']],
    }
    expect(answers[queries[0] ?? '']).toEqual(typed)
    expect(answers.resource).toEqual(typed)
    expect(answers[queries[1] ?? '']).toMatchObject({ columns: ['Log_s'], rows: [] })
    expect(answers[queries[2] ?? '']).toMatchObject({ rows: [['0']] })
    expect(answers[wrong]).toMatchObject({ status: 400, code: 'BadArgumentError' })
    expect(JSON.stringify(answers[wrong])).toContain('[1,30]')
    expect(answers.batch).toEqual([...Array(3).fill('LogsQueryResult'), 'LogsQueryError'])
  })

  test('is refused without a role, on another scope, and for a workspace that there is not', async () => {
    const refused = { status: 403, code: 'InsufficientAccessError' }
    expect((await queryWithPython())[queries[0] ?? '']).toMatchObject(refused)
    await granted(owner.group, 'Key Vault Reader')
    expect((await queryWithPython())[queries[0] ?? '']).toMatchObject(refused)
    expect((await queryWithPython('00000000-0000-4000-8000-000000000000'))[queries[0] ?? '']).toMatchObject({
      status: 404,
      code: 'WorkspaceNotFoundError',
    })
  })
})

describe('@azure/monitor-query', () => {
  const client = () =>
    new LogsQueryClient(new ClientSecretCredential(owner.tenantId, reader.clientId, reader.clientSecret))

  test('reads with statistics and what to draw', async () => {
    await granted(owner.group, 'Reader')
    const result = await client().queryWorkspace(
      workspace.customerId,
      'range n from 1 to 3 step 1 | extend square = n * n | render columnchart',
      { duration: 'P1D' },
      { includeVisualization: true, includeQueryStatistics: true, serverTimeoutInSeconds: 30 },
    )
    if (result.status !== LogsQueryResultStatus.Success) throw new Error('not all was answered')
    expect(result.tables[0]?.rows).toEqual([
      [1, 1],
      [2, 4],
      [3, 9],
    ])
    expect(result.visualization).toMatchObject({ visualization: 'columnchart' })
    expect(result.statistics).toHaveProperty('query')
  })

  test('is told where a query leaves what is supported, and a time span that is none', async () => {
    await granted(workspace.id, 'Log Analytics Reader')
    const ask = (query: string, duration: string) => client().queryWorkspace(workspace.customerId, query, { duration })
    await expect(ask('ContainerAppConsoleLogs_CL | evaluate bag_unpack(Log_s)', 'P1D')).rejects.toThrow()
    await expect(ask('print 1', 'yesterday')).rejects.toMatchObject({ code: 'BadArgumentError' })
  })
})

describe('the query API', () => {
  const post = async (headers: Record<string, string>, body: string) => {
    const [host, path] = ['api.loganalytics.io', `/v1/workspaces/${workspace.customerId}/query`]
    const { stdout } = await succeed(
      run(
        'curl',
        ['-s', '-w', '\n%{http_code}', ...headerArguments(headers), '--data-binary', '@-', `https://${host}${path}`],
        {
          env: { ...process.env, ...cloud.environment },
          input: body,
        },
      ),
    )
    return { status: Number(stdout.slice(-3)), body: JSON.parse(stdout.slice(0, -4)) as { error: { code: string } } }
  }
  const headerArguments = (headers: Record<string, string>) =>
    Object.entries(headers).flatMap(([name, value]) => ['-H', `${name}: ${value}`])

  test('answers 401 without a token, and with one for another service', async () => {
    expect(await post({}, '{"query":"print 1"}')).toMatchObject({
      status: 401,
      body: { error: { code: 'AuthorizationRequiredError' } },
    })
    const { token } = await owner.credential
      .getToken('https://vault.azure.net/.default')
      .then((t) => t ?? { token: '' })
    expect(await post({ authorization: `Bearer ${token}` }, '{"query":"print 1"}')).toMatchObject({
      status: 401,
      body: { error: { code: 'InvalidTokenError' } },
    })
  })

  test.each([
    ['no JSON', '{"query":', 400],
    ['another type', '{"query":5}', 400],
    ['bad UTF-8', Buffer.from([0x22, 0xff, 0x22]).toString('latin1'), 400],
    ['more than is taken', `{"query":"${'x'.repeat(1_100_000)}"}`, 413],
  ])('refuses %s', async (_name, body, status) => {
    const token = await owner.credential.getToken('https://api.loganalytics.io/.default')
    const answer = await post({ authorization: `Bearer ${token?.token}`, 'content-type': 'application/json' }, body)
    expect(answer).toMatchObject({ status, body: { error: { code: 'BadArgumentError' } } })
  })
})

test('keystead logs --query prints a table, or JSON, or what is wrong', async () => {
  const table = await succeed(cloud.keystead('logs', '--query', 'print a = 1, b = "two"'))
  expect(table.stdout).toBe('a  b\n1  two\n')
  const json = await succeed(
    cloud.keystead('logs', '--workspace', 'MAIN', '--query', 'print a = 1', '--output', 'json'),
  )
  expect(JSON.parse(json.stdout)).toEqual([{ a: 1 }])
  const refused = await cloud.keystead('logs', '--query', wrong)
  expect(refused.code).toBe(1)
  expect(refused.stderr).toContain('Query could not be parsed on line [1,30]')
  expect((await cloud.keystead('logs', '--workspace', 'none', '--query', 'print 1')).stderr).toContain(
    'There are: main.',
  )
})

test('a workspace is shown, listed and deleted with az', async () => {
  await using az = await Az.asOwner(cloud)
  const group = '--resource-group rg --workspace-name'
  expect(await az.json(`az monitor log-analytics workspace show ${group} main`)).toMatchObject({
    customerId: workspace.customerId,
    retentionInDays: 60,
    provisioningState: 'Succeeded',
  })
  expect(await az.json(`az monitor log-analytics workspace get-shared-keys ${group} main`)).toHaveProperty(
    'primarySharedKey',
  )
  await az.succeed(`az monitor log-analytics workspace create ${group} brief`)
  expect(await az.json('az monitor log-analytics workspace list --resource-group rg --query [].name')).toEqual([
    'brief',
    'main',
  ])
  await az.run(`az monitor log-analytics workspace delete ${group} brief --yes --force`)
  expect(await az.json('az monitor log-analytics workspace list --resource-group rg --query [].name')).toEqual(['main'])
})
