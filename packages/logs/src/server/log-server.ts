/** The logs process' HTTP: rows to append, queries to run. Only the core asks, with the secret that both were given. */
import { timingSafeEqual } from 'node:crypto'
import { mkdirSync, readdirSync, rmSync } from 'node:fs'
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { z } from 'zod'
import { LogWriter } from '../database/log-writer.ts'
import { jsonText } from '../sql-functions/json.ts'
import { QueryPool } from './query-pool.ts'

export interface LogServerOptions {
  /** A database for each workspace is kept here. */
  readonly directory: string
  readonly secret: string
}

/** A workspace's customer id, a GUID: it becomes a file's name. */
const workspaceId = z.guid().transform((id) => id.toLowerCase())

const appendBody = z.object({
  workspace: workspaceId,
  table: z.string(),
  rows: z.array(z.record(z.string(), z.unknown())),
})
const queryBody = z.object({
  workspace: workspaceId,
  query: z.string(),
  now: z.number(),
  rows: z.int().positive(),
  timeoutMs: z.int().positive(),
  range: z.object({ from: z.coerce.bigint(), to: z.coerce.bigint() }).optional(),
})
const retentionBody = z.object({ workspace: workspaceId, before: z.number() })
const removeBody = z.object({ workspace: workspaceId })

export class LogServer {
  readonly #directory: string
  readonly #secret: Buffer
  readonly #writers = new Map<string, LogWriter>()
  readonly #pool = new QueryPool({ size: 2 })
  readonly #server: Server

  constructor(options: LogServerOptions) {
    this.#directory = options.directory
    this.#secret = Buffer.from(`Bearer ${options.secret}`)
    mkdirSync(this.#directory, { recursive: true, mode: 0o700 })
    this.#server = createServer((request, response) => {
      this.#answer(request, response).catch((error: unknown) => {
        if (!response.headersSent) send(response, 500, { message: messageOf(error) })
        else response.destroy()
      })
    })
  }

  listen(port: number): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#server.once('error', reject)
      this.#server.listen(port, '127.0.0.1', resolve)
    })
  }

  async close(): Promise<void> {
    const closed = new Promise((resolve) => this.#server.close(resolve))
    this.#server.closeAllConnections()
    await closed
    await this.#pool.close()
    for (const writer of this.#writers.values()) writer.close()
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const given = Buffer.from(request.headers.authorization ?? '')
    if (given.length !== this.#secret.length || !timingSafeEqual(given, this.#secret)) {
      request.resume()
      send(response, 401, { message: 'This is for the core of this cloud only.' })
      return
    }
    const body: unknown = JSON.parse(await text(request))
    switch (`${request.method} ${request.url}`) {
      case 'POST /append':
        this.#append(appendBody.parse(body))
        return send(response, 200, {})
      case 'POST /query':
        return await this.#query(queryBody.parse(body), response)
      case 'POST /forget': {
        const { workspace, before } = retentionBody.parse(body)
        this.#writer(workspace).forget(before)
        return send(response, 200, {})
      }
      case 'POST /remove':
        this.#remove(removeBody.parse(body).workspace)
        return send(response, 200, {})
      default:
        return send(response, 404, { message: 'Not found.' })
    }
  }

  #append({ workspace, table, rows }: z.infer<typeof appendBody>): void {
    this.#writer(workspace).append(table, rows as never)
  }

  async #query(
    { workspace, query, now, rows, timeoutMs, range }: z.infer<typeof queryBody>,
    response: ServerResponse,
  ): Promise<void> {
    this.#writer(workspace)
    const left = new AbortController()
    response.once('close', () => left.abort())
    const task = { file: this.#file(workspace), query, now, rows, range }
    send(response, 200, await this.#pool.run(task, timeoutMs, left.signal))
  }

  #file(workspace: string): string {
    return join(this.#directory, `${workspace}.db`)
  }

  #writer(workspace: string): LogWriter {
    let writer = this.#writers.get(workspace)
    if (!writer) {
      writer = new LogWriter(this.#file(workspace))
      this.#writers.set(workspace, writer)
    }
    return writer
  }

  #remove(workspace: string): void {
    this.#writers.get(workspace)?.close()
    this.#writers.delete(workspace)
    for (const name of readdirSync(this.#directory)) {
      if (name.startsWith(`${workspace}.db`)) rmSync(join(this.#directory, name))
    }
  }
}

const messageOf = (error: unknown): string => (error instanceof Error ? error.message : String(error))

function send(response: ServerResponse, status: number, body: unknown): void {
  response.writeHead(status, { 'content-type': 'application/json' }).end(jsonText(body))
}
