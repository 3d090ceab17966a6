/** What is built from a peer's sources is kept in `.cache/peers`, under a name that changes with what went into it. */
import { createHash } from 'node:crypto'
import { existsSync } from 'node:fs'
import { mkdir, mkdtemp, readdir, readFile, rename, rm } from 'node:fs/promises'
import { join, relative } from 'node:path'
import { root, run, succeed } from './cloud.ts'

export interface PeerBuild {
  /** Also the name's first part in the cache. */
  readonly name: string
  /** Absolute path of the sources, lock files among them. */
  readonly sources: string
  /** Commands that print the versions of the tools: a newer tool builds anew. */
  readonly tools: readonly (readonly [command: string, ...args: string[]])[]
  /** What a person needs when a tool is not there, e.g. "Go 1.25 or newer". */
  readonly needs: string
  /** Builds into `output`, an empty directory. */
  readonly build: (output: string) => Promise<void>
}

/**
 * Answers the directory with what was built, now or in an earlier run. Throws when a tool is missing: a peer that was
 * not run has shown nothing, so its tests fail and do not skip.
 */
export async function builtPeer(peer: PeerBuild): Promise<string> {
  const cache = join(root, '.cache/peers')
  const built = join(cache, `${peer.name}-${await digest(peer)}`)
  if (existsSync(built)) return built
  await mkdir(cache, { recursive: true })
  const output = await mkdtemp(join(cache, `building-${peer.name}-`))
  try {
    await peer.build(output)
    await rename(output, built)
  } catch (error) {
    await rm(output, { recursive: true, force: true })
    // Another run may have been faster.
    if (!existsSync(built)) throw error
  }
  for (const older of await readdir(cache)) {
    const path = join(cache, older)
    if (older.startsWith(`${peer.name}-`) && path !== built) await rm(path, { recursive: true, force: true })
  }
  return built
}

async function digest(peer: PeerBuild): Promise<string> {
  const hash = createHash('sha256')
  for (const [command, ...args] of peer.tools) hash.update(await version(peer, command, args))
  const entries = await readdir(peer.sources, { recursive: true, withFileTypes: true })
  const files = entries.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name))
  for (const file of files.sort()) {
    const content = await readFile(file)
    hash.update(`${relative(peer.sources, file)}\0${content.length}\0`).update(content)
  }
  return hash.digest('hex').slice(0, 16)
}

async function version(peer: PeerBuild, command: string, args: readonly string[]): Promise<string> {
  try {
    const { stdout, stderr } = await succeed(run(command, args))
    return stdout + stderr
  } catch (cause) {
    throw new Error(
      `The tests with ${peer.name} clients need ${peer.needs} on PATH: '${command}' can not be run. Install it, or run ` +
        'the other tests with `npm test`.',
      { cause },
    )
  }
}
