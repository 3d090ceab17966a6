/** Loggers by scope over one output, as `dapr/kit/logger` has them. */
import { formatJson, formatText, type LogFormat } from './format.ts'
import { now, rfc3339Nano } from './timestamp.ts'

export const logLevels = ['debug', 'info', 'warn', 'error', 'fatal'] as const
export type LogLevel = (typeof logLevels)[number]

export interface Logger {
  debug(message: string): void
  info(message: string): void
  warn(message: string): void
  error(message: string): void
  /** Only writes the line; ending the process is the caller's. */
  fatal(message: string): void
  enabled(level: LogLevel): boolean
  /** A line at info level with more fields than the usual ones. */
  record(message: string, fields: Readonly<Record<string, string | number>>): void
}

export interface LogOutput {
  /** A logger whose lines carry this scope, e.g. `dapr.runtime`. */
  scope(name: string): Logger
}

export interface LogOutputOptions {
  readonly appId: string
  readonly instance: string
  readonly version: string
  readonly level: LogLevel
  readonly json: boolean
  readonly write: (line: string) => void
  /** The time of a line; the wall clock unless given. */
  readonly clock?: typeof now
}

const printedLevel: Readonly<Record<LogLevel, string>> = {
  debug: 'debug',
  info: 'info',
  warn: 'warning',
  error: 'error',
  fatal: 'fatal',
}

/** An output whose lines have the fields daprd's have: app_id (when there is one), instance, scope, type and ver. */
export function createLogOutput(options: LogOutputOptions): LogOutput {
  const threshold = logLevels.indexOf(options.level)
  const format: LogFormat = options.json ? formatJson : formatText
  const clock = options.clock ?? now
  const base = {
    ...(options.appId ? { app_id: options.appId } : {}),
    instance: options.instance,
    type: 'log',
    ver: options.version,
  }
  return {
    scope(name) {
      const fields = { ...base, scope: name }
      const enabled = (level: LogLevel) => logLevels.indexOf(level) >= threshold
      const print = (level: LogLevel, message: string, more?: Readonly<Record<string, string | number>>) => {
        if (!enabled(level)) return
        const { nanoseconds, offsetMinutes } = clock()
        options.write(
          format({
            time: rfc3339Nano(nanoseconds, offsetMinutes),
            level: printedLevel[level],
            message,
            fields: more ? { ...fields, ...more } : fields,
          }),
        )
      }
      return {
        debug: (message) => print('debug', message),
        info: (message) => print('info', message),
        warn: (message) => print('warn', message),
        error: (message) => print('error', message),
        fatal: (message) => print('fatal', message),
        enabled,
        record: (message, more) => print('info', message, more),
      }
    },
  }
}

/** daprd's reading of `--log-level`; undefined when it is none of its levels. */
export function parseLogLevel(text: string): LogLevel | undefined {
  const lower = text.toLowerCase()
  return logLevels.find((level) => level === lower)
}
