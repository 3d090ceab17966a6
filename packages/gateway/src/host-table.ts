import type { RequestListener } from 'node:http'

/** Where a host name leads. `unknown`: under a claimed suffix, but nobody created it: refused, never tunnelled. `foreign`: tunnelled untouched. */
export type HostRoute =
  | {
      readonly kind: 'service'
      readonly listener: RequestListener /** The Azure name, when the client used a `.keystead.localhost` one. */
      readonly host: string
    }
  | { readonly kind: 'unknown'; readonly reason: string }
  | { readonly kind: 'foreign' }

export interface HostTable {
  route(host: string): HostRoute
  /** Every claimed suffix, for the CA's constraints. */
  readonly suffixes: readonly string[]
}

export declare function createHostTable(
  entries: readonly {
    /** A host (`login.microsoftonline.com`) or a suffix with one label before it (`*.vault.azure.net`). */
    readonly pattern: string
    /** The name without a proxy, e.g. `login.keystead.localhost` or `*.vault.keystead.localhost`. */
    readonly localPattern: string
    readonly listener: RequestListener
    /** For a suffix: whether the label was created. */
    readonly exists?: (label: string) => boolean
    /** For a refusal, e.g. `Key Vault`. */
    readonly service: string
  }[],
): HostTable
