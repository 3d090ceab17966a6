/** The public surface of the sidecar: the program and its runtime, for embedding. */

export type { SidecarOptions } from './cli/options.ts'
export { type Program, run } from './cli/run.ts'
export { daprVersion } from './cli/version.ts'
export { createLogOutput, type Logger, type LogLevel, type LogOutput } from './log/logger.ts'
export { createRuntime, type Runtime, type RuntimeDependencies, RuntimeError } from './runtime/runtime.ts'
