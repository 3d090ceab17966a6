/** `keystead image`: which image names stand for a folder of this machine and a command in it. */
import { stat } from 'node:fs/promises'
import { resolve } from 'node:path'
import { normalizeImage, readImageMap, writeImageMap } from '@keystead/container-apps'
import { CliError } from '../cli-error.ts'
import type { DataDirectory } from '../data-directory.ts'
import { type OutputFormat, printJson, printTable, progress } from '../output.ts'

export async function addImage(
  directory: DataDirectory,
  name: string,
  options: { readonly dir: string; readonly command: string },
): Promise<void> {
  const folder = resolve(options.dir)
  const isDirectory = await stat(folder).then(
    (found) => found.isDirectory(),
    () => false,
  )
  if (!isDirectory) throw new CliError(`${folder} is no directory.`, 'Give the folder of the app with --dir.')
  await directory.create()
  const image = normalizeImage(name)
  const images = await read(directory)
  await writeImageMap(
    directory.images,
    new Map([...images, [image, { directory: folder, command: options.command }] as const]),
  )
  progress(`${image} runs \`${options.command}\` in ${folder}.`)
}

export async function listImages(directory: DataDirectory, output: OutputFormat): Promise<void> {
  const images = [...(await read(directory))].sort(([one], [other]) => one.localeCompare(other))
  if (output === 'json') {
    printJson(images.map(([name, image]) => ({ name, ...image })))
    return
  }
  printTable(
    ['IMAGE', 'DIRECTORY', 'COMMAND'],
    images.map(([name, image]) => [name, image.directory, image.command]),
  )
}

export async function removeImage(directory: DataDirectory, name: string): Promise<void> {
  const images = new Map(await read(directory))
  if (!images.delete(normalizeImage(name))) {
    throw new CliError(
      `There is no image ${normalizeImage(name)}.`,
      '`keystead image list` shows those that there are.',
    )
  }
  await writeImageMap(directory.images, images)
}

async function read(directory: DataDirectory): ReturnType<typeof readImageMap> {
  try {
    return await readImageMap(directory.images)
  } catch (cause) {
    throw new CliError(`${directory.images} is damaged.`, 'Delete it, and add the images again.', { cause })
  }
}
