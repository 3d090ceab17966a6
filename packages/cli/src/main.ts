/** The `keystead` command: its sub-commands, each loaded when it is asked for. */
import { Command, InvalidArgumentError, Option } from 'commander'
import { DataDirectory, defaultDataDirectory } from './data-directory.ts'
import { type OutputFormat, paint, printJson } from './output.ts'

const outputOption = new Option('-o, --output <format>', 'text for people, json for programs')
  .choices(['text', 'json'])
  .default('text')

interface Common {
  dataDir: string
  output?: OutputFormat
}

interface LogsCommandOptions {
  follow: boolean
  query?: string
  workspace: string | undefined
  output: OutputFormat
}

/** A sub-command with what every one has: `--data-dir`, and an example in its help. */
function command(name: string, description: string, example: string): Command {
  return new Command(name)
    .description(description)
    .option('--data-dir <directory>', 'where this cloud is kept', defaultDataDirectory())
    .addHelpText('after', `\nExample:\n  $ ${example}`)
    .showHelpAfterError('(see --help)')
}

const directoryOf = (options: Common): DataDirectory => new DataDirectory(options.dataDir)

function port(text: string): number {
  const value = Number(text)
  if (!Number.isInteger(value) || value < 1 || value > 65_535) throw new InvalidArgumentError('A port is 1 to 65535.')
  return value
}

const collect = (value: string, previous: readonly string[]): readonly string[] => [...previous, value]

const program = new Command('keystead')
  .description('Credential-free applications on your own machine: managed identity, Key Vault, roles, storage.')
  .version('0.1.0')
  .enablePositionalOptions()
  .addHelpText('after', '\nExample:\n  $ keystead up --detach && keystead exec -- az group list')

program.addCommand(
  command('up', 'Start the cloud, or bring it back after a crash', 'keystead up --detach')
    .option('--gateway-port <port>', 'where clients come in (default: as before, or 8443 when free)', port)
    .option('--detach', 'return once it is ready, and leave it running', false)
    .addOption(outputOption)
    .addHelpText(
      'after',
      '\nEnvironment:\n  KEYSTEAD_VAULT_CACHE_BYTES  memory for opened secrets (default 16777216; 0 keeps none)',
    )
    .action(async (options: Common & { gatewayPort?: number; detach: boolean }) => {
      const { up } = await import('./commands/up.ts')
      await up(directoryOf(options), options)
    }),
)
program.addCommand(
  command('down', 'Stop the cloud', 'keystead down').action(async (options: Common) => {
    const { down } = await import('./commands/down.ts')
    await down(directoryOf(options))
  }),
)
program.addCommand(
  command('status', 'Show each process, its pid and its address', 'keystead status --output json')
    .addOption(outputOption)
    .action(async (options: Common & { output: OutputFormat }) => {
      const { status } = await import('./commands/status.ts')
      await status(directoryOf(options), options.output)
    }),
)
program.addCommand(
  command('env', 'Print the variables that point a shell at the cloud', 'eval "$(keystead env)"')
    .option('--no-proxy', 'for clients that are told the *.keystead.localhost names (see docs/az.md)')
    .addOption(outputOption)
    .action(async (options: Common & { output: OutputFormat; proxy: boolean }) => {
      const { env } = await import('./commands/env.ts')
      await env(directoryOf(options), options)
    }),
)
program.addCommand(
  command('exec', 'Run one command against the cloud', 'keystead exec -- az group list')
    .argument('<command...>', 'the command, after --')
    .passThroughOptions()
    .action(async (words: string[], options: Common) => {
      const { exec } = await import('./commands/exec.ts')
      process.exitCode = await exec(directoryOf(options), words)
    }),
)
program.addCommand(
  command(
    'run',
    'Run an app beside its sidecar, as `dapr run` does',
    'keystead run --app-id orders --resources-path ./components -- node app.js',
  )
    .requiredOption('--app-id <id>', "the app's Dapr id")
    .option('--app-port <port>', 'where the app listens, when it does', port)
    .option('--resources-path <directory>', 'component files (repeatable)', collect, [])
    .option(
      '--identity <identity>',
      "a user-assigned identity's resource id, or 'system' for the app's own (repeatable)",
      collect,
      [],
    )
    .option('--log-level <level>', "the sidecar's log level", 'info')
    .option('--dapr-http-port <port>', "the sidecar's HTTP port (default: a free one)", port)
    .argument('<command...>', 'the app, after --')
    .passThroughOptions()
    .action(async (words: string[], options: Common & import('./commands/run.ts').RunOptions) => {
      const { run } = await import('./commands/run.ts')
      process.exitCode = await run(directoryOf(options), options, words)
    }),
)
program.addCommand(
  command(
    'explain',
    'Walk a decision link by link: which one fails, and what mends it',
    'keystead explain --principal id-orders --action get --scope /subscriptions/S/resourceGroups/G/providers/Microsoft.KeyVault/vaults/V/secrets/N',
  )
    .option('--principal <who>', "an object id, app id, user principal name, display name or identity's resource id")
    .option('--action <action>', "an action or data action, or a permission on a vault's secrets such as get")
    .option('--scope <id>', 'the resource id that is acted on')
    .option('--from <address>', "where the client is, for a vault's firewall (default: this machine)")
    .option('--app <id>', 'an app that `keystead run` started, instead of a principal')
    .option('--secret <name>', 'the secret that the app wants, instead of an action and a scope')
    .option('--store <name>', 'its secret store, when it has several')
    .addOption(outputOption)
    .addHelpText('after', '  $ keystead explain --app orders --secret storage-account-key')
    .action(async (options: Common & import('./commands/explain.ts').ExplainOptions & { output: OutputFormat }) => {
      const { explain } = await import('./commands/explain.ts')
      process.exitCode = await explain(directoryOf(options), options, options.output)
    }),
)
program.addCommand(
  new Command('aks')
    .description('Attach Kubernetes clusters, which `az aks show` and `az aks get-credentials` then know')
    .addCommand(
      command(
        'attach',
        'Attach a cluster by its kubeconfig',
        'keystead aks attach --name aks1 --resource-group rg --kubeconfig ~/.kube/config',
      )
        .requiredOption('--name <name>', 'what Azure calls the cluster')
        .requiredOption('--resource-group <group>', 'the group that it is in, which has to be there')
        .requiredOption('--kubeconfig <file>', 'whose current context reaches it; it is kept sealed')
        .option('--service-principal <appId>', "the cluster's application, instead of a managed identity")
        .option('--location <region>', "its region (default: the group's)")
        .addOption(outputOption)
        .action(async (options: Common & import('./commands/aks.ts').AttachOptions & { output: OutputFormat }) => {
          const { attach } = await import('./commands/aks.ts')
          await attach(directoryOf(options), options, options.output)
        }),
    )
    .addCommand(
      command('list', 'List the attached clusters', 'keystead aks list')
        .addOption(outputOption)
        .action(async (options: Common & { output: OutputFormat }) => {
          const { list } = await import('./commands/aks.ts')
          await list(directoryOf(options), options.output)
        }),
    )
    .addCommand(
      command(
        'detach',
        'Forget a cluster, its kubeconfig and its node resource group; the cluster itself is left alone',
        'keystead aks detach --name aks1 --resource-group rg',
      )
        .requiredOption('--name <name>', 'what Azure calls the cluster')
        .requiredOption('--resource-group <group>', 'the group that it is in')
        .action(async (options: Common & import('./commands/aks.ts').ClusterName) => {
          const { detach } = await import('./commands/aks.ts')
          await detach(directoryOf(options), options)
        }),
    )
    .addHelpText(
      'after',
      '\nExample:\n  $ keystead aks attach --name aks1 --resource-group rg --kubeconfig cluster.yaml',
    ),
)
program.addCommand(
  new Command('image')
    .description('Say which folder and command an image name stands for, for container apps that run as processes')
    .addCommand(
      command(
        'add',
        'Map an image to a folder and a command; replicas that start from then on run it',
        'keystead image add demos/queuereader:v1 --dir . --command "node app.js"',
      )
        .argument('<name>', 'as in `az containerapp create --image`')
        .requiredOption('--dir <directory>', 'where the command runs')
        .requiredOption('--command <command>', 'a line for the shell')
        .action(async (name: string, options: Common & { dir: string; command: string }) => {
          const { addImage } = await import('./commands/image.ts')
          await addImage(directoryOf(options), name, options)
        }),
    )
    .addCommand(
      command('list', 'List the mapped images', 'keystead image list')
        .addOption(outputOption)
        .action(async (options: Common & { output: OutputFormat }) => {
          const { listImages } = await import('./commands/image.ts')
          await listImages(directoryOf(options), options.output)
        }),
    )
    .addCommand(
      command('remove', 'Forget an image; what runs goes on', 'keystead image remove demos/queuereader:v1')
        .argument('<name>', 'as it was added')
        .action(async (name: string, options: Common) => {
          const { removeImage } = await import('./commands/image.ts')
          await removeImage(directoryOf(options), name)
        }),
    )
    .addHelpText('after', '\nExample:\n  $ keystead image add demos/api:v1 --dir ./api --command "node app.js"'),
)
program.addCommand(
  command('logs', 'Print what the processes logged', 'keystead logs core --follow')
    .argument('[process]', 'core, azurite, logs, audit or supervisor; all when absent')
    .option('-f, --follow', 'go on as lines come in', false)
    .option('--query <kql>', 'instead, query a Log Analytics workspace over its last seven days')
    .option('--workspace <name>', 'which one (with --query; default: the only one there is)')
    .addOption(outputOption)
    .action(async (name: string | undefined, options: Common & LogsCommandOptions) => {
      if (options.query !== undefined) {
        const { query } = await import('./commands/query.ts')
        await query(directoryOf(options), { ...options, query: options.query })
        return
      }
      const { logs } = await import('./commands/logs.ts')
      await logs(directoryOf(options), name, options.follow)
    }),
)
program.addCommand(
  command('doctor', 'Find what is wrong, and how to mend it', 'keystead doctor')
    .addOption(outputOption)
    .action(async (options: Common & { output: OutputFormat }) => {
      const { doctor } = await import('./commands/doctor.ts')
      process.exitCode = await doctor(directoryOf(options), options.output)
    }),
)
program.addCommand(
  command('reset', 'Delete everything that this cloud holds', 'keystead reset --yes')
    .option('--yes', 'do not ask', false)
    .action(async (options: Common & { yes: boolean }) => {
      const { reset } = await import('./commands/reset.ts')
      await reset(directoryOf(options), options.yes)
    }),
)
program.addCommand(
  new Command('quickstart')
    .description('Show the credential-free chain: allowed, refused, recovered')
    .option('--data-dir <directory>', 'where its cloud is kept (emptied first)', '.keystead/quickstart')
    .option('--exit', 'exit when all is shown, instead of staying up', false)
    .addOption(outputOption)
    .addHelpText('after', '\nExample:\n  $ keystead quickstart --exit --output json')
    .action(async (options: Common & { exit: boolean; output: OutputFormat }) => {
      const { quickstart } = await import('./quickstart/quickstart.ts')
      process.exitCode = await quickstart(directoryOf(options), options)
    }),
)

// Whoever reads our output may have had enough of it (`keystead logs | head`).
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code === 'EPIPE') process.exit(0)
  throw error
})

let directory = new DataDirectory(defaultDataDirectory())
let asJson = false
program.hook('preAction', (_program, action) => {
  const options = action.opts<Common>()
  directory = directoryOf(options)
  asJson = options.output === 'json'
})
try {
  await program.parseAsync()
} catch (error) {
  await report(error)
}

async function report(error: unknown): Promise<void> {
  const { explainFailure } = await import('./failure.ts')
  const { message, hint, exitCode } = explainFailure(error, directory)
  if (asJson) printJson({ error: { message, hint } })
  process.stderr.write(`${paint('red', 'error:', process.stderr)} ${message}\n${hint}\n`)
  process.exitCode = exitCode
}
