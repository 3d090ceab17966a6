/** Images that stand for a folder of this machine and a command in it, kept in a file of the data directory. */
import { readFile, rename, writeFile } from 'node:fs/promises'
import { z } from 'zod'

const mappedImage = z.object({
  /** Absolute. */
  directory: z.string(),
  /** A line for the shell. */
  command: z.string(),
})
export type MappedImage = z.infer<typeof mappedImage>

const imageMap = z.record(z.string(), mappedImage)

/** By the image's name. A file that is not there holds none. */
export async function readImageMap(file: string): Promise<ReadonlyMap<string, MappedImage>> {
  let text: string
  try {
    text = await readFile(file, 'utf8')
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return new Map()
    throw error
  }
  return new Map(Object.entries(imageMap.parse(JSON.parse(text))))
}

export async function writeImageMap(file: string, images: ReadonlyMap<string, MappedImage>): Promise<void> {
  const temporary = `${file}.${process.pid}.tmp`
  await writeFile(temporary, `${JSON.stringify(Object.fromEntries(images), null, 2)}\n`, { mode: 0o600, flush: true })
  await rename(temporary, file)
}

/** `docker.io/` and `:latest` are what a name without them means. */
export function normalizeImage(name: string): string {
  const short = name.replace(/^docker\.io\/(library\/)?/, '')
  return /[:@][^/]*$/.test(short) ? short : `${short}:latest`
}
