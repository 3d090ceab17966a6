/** The text that Go's os package gives for a file that can not be read. */

const reasons: Readonly<Record<string, string>> = {
  ENOENT: 'no such file or directory',
  EACCES: 'permission denied',
  EPERM: 'operation not permitted',
  EISDIR: 'is a directory',
  ENOTDIR: 'not a directory',
  EMFILE: 'too many open files',
  ELOOP: 'too many levels of symbolic links',
  ENAMETOOLONG: 'file name too long',
  EIO: 'input/output error',
}

/** E.g. `open secrets.json: no such file or directory`. The path is shown, the content never. */
export function goFileErrorText(path: string, error: unknown): string {
  const code = error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : 'EIO'
  const operation = code === 'EISDIR' ? 'read' : 'open'
  return `${operation} ${path}: ${reasons[code] ?? (code === 'ERR_INVALID_ARG_VALUE' ? 'invalid argument' : code)}`
}
