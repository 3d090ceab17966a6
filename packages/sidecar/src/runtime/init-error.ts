/** daprd's error for what failed while the runtime started (pkg/runtime/errors). */

export type InitErrorKind = 'INIT_FAILURE' | 'INIT_COMPONENT_FAILURE' | 'CREATE_COMPONENT_FAILURE'

export class InitError extends Error {
  override readonly name = 'InitError'
  readonly kind: InitErrorKind
  constructor(kind: InitErrorKind, entity: string, cause: string) {
    super(entity ? `[${kind}]: initialization error occurred for ${entity}: ${cause}` : `[${kind}]: ${cause}`)
    this.kind = kind
  }
}
