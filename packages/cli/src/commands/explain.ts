/** `keystead explain`: which link of a decision, or of an app's way to a secret, fails, and the command that mends it. */
import { readAppRecord } from '../app-records.ts'
import { CliError } from '../cli-error.ts'
import { connectAsOwner } from '../client/connect.ts'
import { callControl } from '../client/control.ts'
import { type Explanation, explanation } from '../core/explain/explanation.ts'
import type { DataDirectory } from '../data-directory.ts'
import { type PrintedLink, printLinks } from '../explain/link.ts'
import { type OutputFormat, printJson } from '../output.ts'
import { requireRunning } from '../settings.ts'

export interface ExplainOptions {
  readonly principal?: string
  readonly action?: string
  readonly scope?: string
  readonly from?: string
  readonly app?: string
  readonly secret?: string
  readonly store?: string
}

/** Answers the exit code: 1 when a link fails. */
export async function explain(
  directory: DataDirectory,
  options: ExplainOptions,
  output: OutputFormat,
): Promise<number> {
  const { principal, action, scope, app, secret } = options
  const ofApp = app !== undefined && secret !== undefined && (principal ?? action ?? scope) === undefined
  const ofPrincipal =
    principal !== undefined && action !== undefined && scope !== undefined && (app ?? secret) === undefined
  if (!ofApp && !ofPrincipal) {
    throw new CliError(
      'What is to be explained?',
      'Give --principal, --action and --scope; or --app and --secret. See `keystead explain --help`.',
    )
  }
  const answer = ofApp
    ? await explainApp(directory, app, secret, options)
    : await explainDecision(directory, { principal, action, scope }, options.from)
  if (output === 'json') printJson(answer)
  else printLinks(answer.links)
  return answer.allowed ? 0 : 1
}

type Question = Partial<Record<'principal' | 'action' | 'scope', string | undefined>>

/** Asks the running core as the owner. */
async function explainDecision(directory: DataDirectory, question: Question, from?: string): Promise<Explanation> {
  const settings = await requireRunning(directory)
  const { credential } = await connectAsOwner(directory, settings)
  const caller = { directory, settings, credential, hint: 'See `keystead explain --help` for what can be asked.' }
  const body = { ...question, ...(from === undefined ? {} : { clientAddress: from }) }
  return explanation.parse(await callControl(caller, 'POST', '/explain', body))
}

interface AppExplanation {
  readonly allowed: boolean
  readonly failing: string | null
  readonly links: readonly PrintedLink[]
}

async function explainApp(
  directory: DataDirectory,
  appId: string,
  secret: string,
  { store, from }: ExplainOptions,
): Promise<AppExplanation> {
  // Management clients and YAML take longer to load than a decision takes to explain.
  const [{ walkApp }, { findVault, readAppIdentities }, { readComponentFiles }] = await Promise.all([
    import('../explain/app-chain.ts'),
    import('../explain/app-identities.ts'),
    import('../explain/component-files.ts'),
  ])
  const settings = await requireRunning(directory)
  const app = await readAppRecord(directory, appId)
  const { credential } = await connectAsOwner(directory, settings)
  const identities = await readAppIdentities(credential, settings, app)
  const files = await readComponentFiles(app.resourcesPath)
  const chain = walkApp({ app, secret, store, files, identities: identities.known })
  const links = [...identities.links, ...chain.links]
  if (chain.asks !== undefined) {
    const { principal, vault } = chain.asks
    const scope = await findVault(credential, settings, vault)
    if (typeof scope === 'string') {
      const question = { principal, action: 'get', scope: `${scope}/secrets/${secret}` }
      links.push(...(await explainDecision(directory, question, from)).links)
    } else links.push(scope)
  }
  const failing = links.find(({ state }) => state === 'fails')
  return { allowed: failing === undefined, failing: failing?.name ?? null, links }
}
