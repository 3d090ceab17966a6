/** Runs containers as processes of this machine: an image is a folder and a command that a person named. */
import { normalizeImage, readImageMap } from './image-map.ts'
import { startGroup } from './process-group.ts'
import type { ProcessRecord } from './process-record.ts'
import { type ContainerStart, ImageError, type Runner, type RunningContainer } from './runner.ts'

export class ProcessRunner implements Runner {
  readonly #imagesFile: string
  readonly #record: ProcessRecord

  constructor(imagesFile: string, record: ProcessRecord) {
    this.#imagesFile = imagesFile
    this.#record = record
  }

  async start(container: ContainerStart): Promise<RunningContainer> {
    const images = await readImageMap(this.#imagesFile)
    const image = images.get(normalizeImage(container.image))
    if (!image) {
      throw new ImageError(
        `The image '${container.image}' is not known on this machine. ` +
          `\`keystead image add ${container.image} --dir DIRECTORY --command COMMAND\` says what it runs.`,
      )
    }
    const [file, ...args] = container.command
    const common = {
      directory: image.directory,
      environment: container.environment,
      channel: false,
      onOutput: container.onOutput,
    }
    try {
      return await (file === undefined
        ? // `"$@"` are the container's own arguments, word by word.
          startGroup(
            {
              ...common,
              file: '/bin/sh',
              args: ['-c', shellLine(image.command, container.args), 'sh', ...container.args],
            },
            this.#record,
          )
        : startGroup({ ...common, file, args: [...args, ...container.args] }, this.#record))
    } catch (cause) {
      throw new ImageError(
        `The image '${container.image}' can not be started in ${image.directory}: ${(cause as Error).message}. ` +
          `\`keystead image add ${container.image} --dir DIRECTORY --command COMMAND\` maps it anew.`,
        { cause },
      )
    }
  }
}

/** Words that the shell itself understands, which `exec` would look for as programs. */
const builtins = new Set(['exec', 'cd', 'export', 'set', 'umask', 'ulimit', 'exit', 'eval', 'trap', '.', ':', '!'])

/** A simple command takes the shell's place, so that signals and the exit code are its own. */
function shellLine(command: string, args: readonly string[]): string {
  const line = args.length === 0 ? command : `${command} "$@"`
  const [first = ''] = command.trim().split(/\s/)
  return /[;&|(){}<>`\n]/.test(command) || first.includes('=') || builtins.has(first) ? line : `exec ${line}`
}
