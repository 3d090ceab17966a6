/** Turns what went wrong, at a start or in a command, into what a person can do about it. */
import { KeyringError, MasterKeyError, StoreError } from '@keystead/store'
import { CliError } from './cli-error.ts'
import type { DataDirectory } from './data-directory.ts'

export function explainFailure(error: unknown, directory: DataDirectory): CliError {
  if (error instanceof CliError) return error
  if (error instanceof MasterKeyError) {
    return new CliError(error.message, 'Set KEYSTEAD_MASTER_KEY to the key this data directory was made with.')
  }
  if (error instanceof KeyringError) {
    return new CliError(
      `The master key is not the one that ${directory.path} was made with.`,
      `Set KEYSTEAD_MASTER_KEY to that key, or unset it where ${directory.masterKey} holds it.`,
    )
  }
  if (error instanceof StoreError) {
    switch (error.code) {
      case 'wrong-master-key':
        return new CliError(
          error.message,
          `Set KEYSTEAD_MASTER_KEY to the key that ${directory.path} was made with, or put its master.key back.`,
        )
      case 'corrupt':
        return new CliError(error.message, `Restore ${directory.database} from a backup, or run \`keystead reset\`.`)
      case 'locked':
        return new CliError(error.message, 'Another process has the database open: stop it, then try again.')
      case 'full':
        return new CliError(error.message, 'Free some space on the disk, then try again.')
      case 'newer':
        return new CliError(error.message, 'Use the version of Keystead that wrote it, or a later one.')
      case 'unavailable':
        return new CliError(error.message, `Check that ${directory.path} can be read and written.`)
    }
  }
  if (isPortInUse(error)) {
    return new CliError(
      `Port ${error.port} on ${error.address} is in use by another program.`,
      'Stop that program, or choose another port with `keystead up --gateway-port N`.',
    )
  }
  if (error instanceof Error && 'code' in error && typeof error.code === 'string' && error.code in refusals) {
    return new CliError(error.message, refusals[error.code] ?? '', { cause: error })
  }
  const message = error instanceof Error ? error.message : String(error)
  return new CliError(message, '`keystead logs core` says more; `keystead doctor` looks for what is wrong.')
}

/** What the operating system refused, by its code. */
const refusals: Readonly<Record<string, string>> = {
  EACCES: 'Choose a directory that you may write with `--data-dir`, or change its owner.',
  EROFS: 'Choose a directory that can be written with `--data-dir`.',
  ENOTDIR: 'Choose a directory with `--data-dir`.',
  EEXIST: 'Choose a directory with `--data-dir`.',
  ENOSPC: 'Free some space on the disk, then try again.',
}

function isPortInUse(error: unknown): error is NodeJS.ErrnoException & { port: number; address: string } {
  return error instanceof Error && 'code' in error && error.code === 'EADDRINUSE'
}
