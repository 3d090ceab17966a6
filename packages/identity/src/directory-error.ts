/** A directory operation that cannot be done as asked. The message never carries a secret. */
export class DirectoryError extends Error {
  override readonly name = 'DirectoryError'
  readonly code: 'notFound' | 'invalid' | 'conflict'
  constructor(code: DirectoryError['code'], message: string) {
    super(message)
    this.code = code
  }
}
