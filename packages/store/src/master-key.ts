/** The master key: where it is read from, and small values sealed directly under it. */
import { createSecretKey, randomBytes } from 'node:crypto'
import { link, mkdir, open, unlink } from 'node:fs/promises'
import { dirname, resolve } from 'node:path'
import type { MasterKey } from './keyring.ts'
import { openBox, sealBox } from './sealed-box.ts'

const keyBytes = 32
const variable = 'KEYSTEAD_MASTER_KEY'

/** The master key is missing, malformed, or its file can be read by others. */
export class MasterKeyError extends Error {
  override readonly name = 'MasterKeyError'
}

/**
 * The master key: `KEYSTEAD_MASTER_KEY` (base64, 32 bytes) when set, else the file (mode 0600), which is made when
 * `create` is true and it does not exist. Throws {@link MasterKeyError}.
 */
export async function loadMasterKey(options: {
  readonly file: string
  readonly environment: Readonly<Record<string, string | undefined>>
  readonly create: boolean
}): Promise<MasterKey> {
  const given = options.environment[variable]
  if (given !== undefined) return parseMasterKey(given, variable)
  const found = await readKeyFile(options.file)
  if (found !== undefined) return found
  if (!options.create) {
    throw new MasterKeyError(
      `There is no master key: ${options.file} does not exist and ${variable} is not set. ` +
        'Restore the file that belongs to this database, or set the variable to its content.',
    )
  }
  return makeKeyFile(options.file)
}

/** A master key of these bytes, which printing or serializing the object does not show. */
export function masterKeyOf(bytes: Uint8Array): MasterKey {
  if (bytes.length !== keyBytes) throw new MasterKeyError(`A master key is ${keyBytes} bytes; this is ${bytes.length}.`)
  return Object.defineProperty({} as MasterKey, 'bytes', { value: bytes, enumerable: false })
}

/**
 * Seals a small value outside the database (the certificate authority's key, the owner's credentials file) under the
 * master key itself. `context` names the value and must be given again to open it.
 */
export function sealWithMasterKey(masterKey: MasterKey, plaintext: Uint8Array, context: string): Uint8Array {
  return sealBox(createSecretKey(masterKey.bytes), plaintext, ['master', context])
}

/** Opens what {@link sealWithMasterKey} made. Throws KeyringError when the key, the context or a byte differs. */
export function openWithMasterKey(masterKey: MasterKey, sealed: Uint8Array, context: string): Uint8Array {
  return openBox(createSecretKey(masterKey.bytes), sealed, ['master', context])
}

function parseMasterKey(text: string, source: string): MasterKey {
  const trimmed = text.trim()
  const bytes = Buffer.from(trimmed, 'base64')
  // Buffer skips what is not base64: only a text that comes back the same was base64 of these bytes.
  if (bytes.length !== keyBytes || bytes.toString('base64') !== trimmed) {
    throw new MasterKeyError(`${source} must hold ${keyBytes} bytes in base64 (44 characters).`)
  }
  return masterKeyOf(bytes)
}

async function readKeyFile(path: string): Promise<MasterKey | undefined> {
  let file: Awaited<ReturnType<typeof open>>
  try {
    file = await open(path, 'r')
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    if (code === 'ENOENT') return undefined
    throw new MasterKeyError(`The master key file ${path} cannot be read (${code}).`, { cause: error })
  }
  try {
    const { mode } = await file.stat()
    if ((mode & 0o077) !== 0) {
      throw new MasterKeyError(`The master key file ${path} can be read by others. Run: chmod 600 '${path}'`)
    }
    return parseMasterKey(await file.readFile('utf8'), `The master key file ${path}`)
  } catch (error) {
    if (error instanceof MasterKeyError) throw error
    const { code } = error as NodeJS.ErrnoException
    throw new MasterKeyError(`The master key file ${path} cannot be read (${code}).`, { cause: error })
  } finally {
    await file.close()
  }
}

/** Makes the file whole or not at all: two processes that start at once end up with the same key. */
async function makeKeyFile(path: string): Promise<MasterKey> {
  const key = masterKeyOf(randomBytes(keyBytes))
  const directory = dirname(resolve(path))
  const unfinished = `${path}.${randomBytes(6).toString('hex')}`
  try {
    await mkdir(directory, { recursive: true, mode: 0o700 })
    const file = await open(unfinished, 'wx', 0o600)
    try {
      await file.writeFile(`${Buffer.from(key.bytes).toString('base64')}\n`)
      await file.sync()
    } finally {
      await file.close()
    }
    try {
      // Unlike rename, link does not replace a key that another process has just made.
      await link(unfinished, path)
    } finally {
      await unlink(unfinished)
    }
    const entry = await open(directory, 'r')
    try {
      await entry.sync()
    } finally {
      await entry.close()
    }
    return key
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    if (code === 'EEXIST') {
      const made = await readKeyFile(path)
      if (made !== undefined) return made
    }
    throw new MasterKeyError(`The master key file ${path} cannot be made (${code}).`, { cause: error })
  }
}
