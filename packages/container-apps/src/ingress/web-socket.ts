/** Connections that are taken over by another protocol, such as WebSocket: once the app agreed, bytes go both ways. */
import { request as httpRequest, type IncomingMessage, ServerResponse } from 'node:http'
import type { Duplex } from 'node:stream'
import { sendOwn } from './exchange.ts'
import { headersForClient } from './headers.ts'
import { answerFor } from './http1-apps.ts'
import { TIMED_OUT } from './own-answer.ts'

/** An answer to a request whose socket was to be taken over and will not be. */
export function responseOn(request: IncomingMessage, socket: Duplex): ServerResponse {
  const response = new ServerResponse(request)
  response.shouldKeepAlive = false
  response.assignSocket(socket as never)
  response.once('finish', () => socket.end())
  return response
}

export interface TakeOver {
  readonly request: IncomingMessage
  readonly socket: Duplex
  /** What came after the request's head. */
  readonly head: Buffer
  readonly address: string
  readonly headers: readonly string[]
  readonly added: readonly string[]
  /** Milliseconds until the app must have answered; how long the connection then lasts is not bounded. */
  readonly timeout: number
  /** Told once, when nothing more comes. */
  readonly finished: () => void
}

export function takeOver({ request, socket, head, address, headers, added, timeout, finished }: TakeOver): void {
  const { upgrade = '' } = request.headers
  const asked = httpRequest(address, {
    method: request.method,
    path: request.url,
    headers: [...headers, 'connection', 'Upgrade', 'upgrade', upgrade],
    agent: false,
  })
  const timer = setTimeout(() => {
    sendOwn(responseOn(request, socket), TIMED_OUT)
    asked.destroy()
  }, timeout)
  socket.once('close', () => {
    clearTimeout(timer)
    asked.destroy()
    finished()
  })
  asked.once('upgrade', (answer, app, appHead) => {
    clearTimeout(timer)
    const lines = headersForClient(answer.rawHeaders)
    lines.push(...added, 'connection', 'Upgrade', 'upgrade', answer.headers.upgrade ?? upgrade)
    socket.write(`HTTP/1.1 101 ${answer.statusMessage ?? 'Switching Protocols'}\r\n${serialize(lines)}\r\n`, 'latin1')
    if (appHead.length > 0) socket.write(appHead)
    if (head.length > 0) app.write(head)
    join(socket, app)
    join(app, socket)
  })
  asked.once('response', (answer) => {
    clearTimeout(timer)
    const response = responseOn(request, socket)
    response.writeHead(answer.statusCode ?? 502, answer.statusMessage, [
      ...headersForClient(answer.rawHeaders),
      ...added,
    ])
    answer.pipe(response)
    answer.once('error', () => socket.destroy())
  })
  asked.on('error', (error) => {
    clearTimeout(timer)
    if (!socket.destroyed && socket.writable) sendOwn(responseOn(request, socket), answerFor(error))
  })
  asked.end()
}

function join(from: Duplex, to: Duplex): void {
  from.on('error', () => to.destroy())
  from.once('close', () => {
    if (!from.readableEnded) to.destroy()
  })
  from.pipe(to)
}

function serialize(raw: readonly string[]): string {
  let text = ''
  for (let index = 0; index + 1 < raw.length; index += 2) text += `${raw[index]}: ${raw[index + 1]}\r\n`
  return text
}
