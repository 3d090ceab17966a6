/** One decision by roles among 100,000 assignments, for somebody who is in 1,000 groups: refused, so that all is looked through. */
import { randomBytes, randomUUID } from 'node:crypto'
import { type Authorizer, authorizationMigrations, builtInRoles, openAuthorizer } from '@keystead/authorization'
import { masterKeyOf, openStore } from '@keystead/store'
import { goal, type RowResult, type Scenario } from '../row.ts'
import { pairwiseRatios, spread } from '../statistics.ts'

const row = { time: 'authorization/decision', scale: 'authorization/scale' } as const
const groupCount = 1_000
const resourceGroups = 500
const vaults = 20
const decisionsPerRound = 50_000
const longestMs = 0.02
const getSecret = 'Microsoft.KeyVault/vaults/secrets/getSecret/action'
const subscription = `/subscriptions/${randomUUID()}`
const roles = builtInRoles.filter(({ roleName }) => ['Reader', 'Contributor', 'Key Vault Reader'].includes(roleName))

const groupIds = Array.from({ length: groupCount }, () => randomUUID())
const scopeOfGroup = (group: number) => `${subscription}/resourceGroups/group-${group}`
const scopeOfVault = (group: number, vault: number) =>
  `${scopeOfGroup(group)}/providers/Microsoft.KeyVault/vaults/vault-${vault}`

/** The subscription has hundreds, as much as Azure allows is spread over what is below it. */
function scopeOf(index: number): string {
  if (index % 250 === 0) return subscription
  const group = index % resourceGroups
  return index % 5 === 0 ? scopeOfGroup(group) : scopeOfVault(group, Math.floor(index / resourceGroups) % vaults)
}

interface Filled extends AsyncDisposable {
  readonly authorizer: Authorizer
}

async function fill(assignments: number): Promise<Filled> {
  const masterKey = masterKeyOf(randomBytes(32))
  const store = await openStore({ path: ':memory:', masterKey, migrations: [authorizationMigrations] })
  const authorizer = await openAuthorizer(store)
  for (let index = 0; index < assignments; index += 1) {
    // Each group has a scope once with a role: a step that shares no factor with their number comes by all of them.
    const principalId = groupIds[(index * 7 + Math.floor(index / groupCount)) % groupCount] ?? ''
    const roleDefinitionName = roles[Math.floor(index / 3) % roles.length]?.name ?? ''
    await authorizer
      .putAssignment({
        name: randomUUID(),
        scope: scopeOf(index),
        roleDefinitionName,
        principalId,
        principalType: 'Group',
        createdBy: 'bench',
        createdOn: 0,
      })
      .catch((error: Error) => {
        if (error.name !== 'AssignmentExistsError') throw error
      })
  }
  return { authorizer, [Symbol.asyncDispose]: () => store.close() }
}

/** The median of one decision in milliseconds. */
function medianTime({ authorizer }: Filled): number {
  const principal = { tenantId: 'bench', objectId: randomUUID(), groupIds }
  const times = new Float64Array(decisionsPerRound)
  for (let index = 0; index < decisionsPerRound; index += 1) {
    const scope = `${scopeOfVault((index * 31) % resourceGroups, index % vaults)}/secrets/secret-${index}`
    const begin = performance.now()
    const decision = authorizer.decide({ by: 'role', principal, action: getSecret, plane: 'data', scope })
    times[index] = performance.now() - begin
    if (decision.allowed) throw new Error('A role that holds no data action allowed one.')
  }
  return times.sort()[decisionsPerRound / 2] ?? Number.NaN
}

export const authorization: Scenario = {
  rows: Object.values(row),
  async run(bench, wanted) {
    bench.progress(`${row.time}: decisions among 100,000 assignments, of a member of ${groupCount} groups`)
    await using many = await fill(100_000)
    await using few = await fill(100)
    const times: number[] = []
    const others: number[] = []
    for (let round = 0; round <= bench.rounds; round += 1) {
      const pair = [medianTime(many), medianTime(few)] as const
      // The compilers are at work in the first.
      if (round === 0) continue
      times.push(pair[0])
      others.push(pair[1])
    }
    const subject = 'decision among 100,000 assignments'
    const result = (references: readonly number[], atMost: number) => {
      const ratio = pairwiseRatios(times, references)
      const limit = goal('at most', atMost, ratio)
      return [{ figure: 'time' as const, ratio, subject: spread(times), reference: spread(references), goal: limit }]
    }
    const rows: readonly RowResult[] = [
      {
        row: row.time,
        subject,
        reference: '20 microseconds',
        results: result(
          others.map(() => longestMs),
          1,
        ),
      },
      { row: row.scale, subject, reference: 'the same among 100', results: result(others, 2) },
    ]
    return rows.filter((one) => wanted.has(one.row))
  },
}
