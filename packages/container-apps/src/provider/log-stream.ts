/** `REGION.azurecontainerapps.dev`: the log streams of apps, one line for each entry, for as long as the client listens. */
import type { IncomingMessage, RequestListener, ServerResponse } from 'node:http'
import type { ResourceStore } from '@keystead/resource-manager'
import type { LogLine, Platform, SystemEvent } from '../platform/platform.ts'
import type { LogTokens } from './log-tokens.ts'

export interface LogStreamOptions {
  readonly platform: Platform
  readonly resources: ResourceStore
  readonly tokens: LogTokens
  readonly log: (level: 'info' | 'warn' | 'error', message: string, fields?: Record<string, unknown>) => void
}

const defaultTail = 20
const maxTail = 300

const appPath = /^\/subscriptions\/([^/]+)\/resourceGroups\/([^/]+)\/containerApps\/([^/]+)\/(.+)$/i
const consolePath = /^revisions\/([^/]+)\/replicas\/([^/]+)\/containers\/([^/]+)\/logstream$/i
const systemPath = /^eventstream$/i

export function createLogStreamListener(options: LogStreamOptions): RequestListener {
  return (request, response) => {
    request.resume()
    answer(options, request, response).catch((error: unknown) => {
      options.log('error', 'A log stream broke off', { error: error instanceof Error ? error.message : String(error) })
      response.destroy()
    })
  }
}

async function answer(options: LogStreamOptions, request: IncomingMessage, response: ServerResponse): Promise<void> {
  const url = new URL(request.url ?? '/', 'https://log-stream')
  const [, subscription, group, name = '', rest = ''] = appPath.exec(decoded(url.pathname)) ?? []
  const console = consolePath.exec(rest)
  if (request.method !== 'GET' || (!console && !systemPath.test(rest))) return refuse(response, 404, 'NotFound')
  const appId = `/subscriptions/${subscription}/resourceGroups/${group}/providers/Microsoft.App/containerApps/${name}`
  const token = /^Bearer (\S+)$/i.exec(request.headers.authorization ?? '')?.[1]
  if (token === undefined || !options.tokens.verify(token, appId)) return refuse(response, 401, 'Unauthorized')
  const app = await options.resources.get(appId)
  if (!app) return refuse(response, 404, 'NotFound')

  const tail = url.searchParams.get('tailLines') ?? String(defaultTail)
  if (!/^\d{1,3}$/.test(tail) || Number(tail) > maxTail) return refuse(response, 400, 'BadRequest')
  const text = url.searchParams.get('output') === 'text'
  const gone = new AbortController()
  response.once('close', () => gone.abort())
  const query = {
    appId: app.id,
    tail: Number(tail),
    follow: url.searchParams.get('follow') === 'true',
    signal: gone.signal,
  }
  response.writeHead(200, { 'content-type': text ? 'text/plain; charset=utf-8' : 'application/json; charset=utf-8' })
  // The client is told that it is let in before there is anything to tell.
  response.flushHeaders()
  if (console) {
    const [, revision = '', replica = '', container = ''] = console
    for await (const line of options.platform.consoleLog({ ...query, revision, replica, container })) {
      await write(response, text ? `${stamp(line.time)} ${line.text}` : consoleJson(line), gone.signal)
    }
  } else {
    for await (const event of options.platform.systemLog(query)) {
      await write(response, systemJson(app.name, event), gone.signal)
    }
  }
  response.end()
}

/** A path that is not well encoded names no app. */
function decoded(path: string): string {
  try {
    return decodeURI(path)
  } catch {
    return ''
  }
}

/** Waits for a client that reads slowly. */
async function write(response: ServerResponse, line: string, gone: AbortSignal): Promise<void> {
  if (gone.aborted || response.write(`${line}\n`)) return
  await new Promise<void>((resolve) => {
    const done = (): void => {
      response.off('drain', done)
      gone.removeEventListener('abort', done)
      resolve()
    }
    response.once('drain', done)
    gone.addEventListener('abort', done)
  })
}

const stamp = (time: number): string => new Date(time).toISOString()

const consoleJson = ({ time, text, stream }: LogLine): string =>
  JSON.stringify({ TimeStamp: stamp(time), Log: text, Stream: stream })

const systemJson = (app: string, { time, type, reason, message, revision, replica, count }: SystemEvent): string =>
  JSON.stringify({
    TimeStamp: stamp(time),
    Type: type,
    ContainerAppName: app,
    RevisionName: revision ?? '',
    ReplicaName: replica ?? '',
    Msg: message,
    Reason: reason,
    EventSource: 'ContainerAppController',
    Count: count,
  })

function refuse(response: ServerResponse, status: number, code: string): void {
  response
    .writeHead(status, { 'content-type': 'application/json; charset=utf-8' })
    .end(JSON.stringify({ error: { code, message: `The log stream answers ${status}.` } }))
}
