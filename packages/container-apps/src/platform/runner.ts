/** How containers run: as processes of this machine, or in a container engine. */

export interface ContainerStart {
  readonly image: string
  /** Replaces the image's own when it is not empty. */
  readonly command: readonly string[]
  readonly args: readonly string[]
  /** All of it. */
  readonly environment: Readonly<Record<string, string>>
  readonly onOutput: (stream: 'stdout' | 'stderr', chunk: Buffer) => void
}

export interface RunningContainer {
  /** Resolves when it has ended and everything that it printed was handed over. */
  readonly ended: Promise<ContainerEnd>
  /** Asks it to stop, and ends it after `graceMs`. Resolves when nothing of it runs. */
  stop(graceMs: number): Promise<void>
  /** CPU time that it has used, in seconds; undefined where that is not known. */
  cpuSeconds(): Promise<number | undefined>
}

export interface ContainerEnd {
  readonly exitCode: number
  readonly signal?: string
}

export interface Runner {
  /** Rejects with an {@link ImageError} when the image is not to be had. */
  start(container: ContainerStart): Promise<RunningContainer>
}

/** The image is not to be had; the message says what would mend it. */
export class ImageError extends Error {
  override readonly name = 'ImageError'
}
