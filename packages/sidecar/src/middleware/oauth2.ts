/** `middleware.http.oauth2`: a caller signs in at an authorization server, and its requests go on with its token. */
import { randomUUID } from 'node:crypto'
import { monotonicMs } from '../clock.ts'
import { field, type MiddlewareFactory, pattern } from './factory.ts'
import { requestToken } from './oauth2-token.ts'
import { headerOf, type PipelineAnswer, type PipelineRequest, refusal } from './pipeline.ts'

const cookieName = 'sessionid'
const sessionLifetime = 24 * 3600_000
const maxSessions = 10_000

interface Session {
  state: string
  url: string
  header: string
  until: number
}

export const createOAuth2: MiddlewareFactory = ({ metadata, log }) => {
  const clientId = field(metadata, 'clientID')
  const clientSecret = field(metadata, 'clientSecret')
  const scopes = field(metadata, 'scopes')
  const authUrl = field(metadata, 'authURL')
  const headerName = field(metadata, 'authHeaderName')
  const redirectUrl = field(metadata, 'redirectURL')
  const filter = field(metadata, 'pathFilter')
  const only = filter === '' ? undefined : pattern(filter, 'pathFilter')
  const forceHttps = ['y', 'yes', 'true', 't', 'on', '1'].includes(field(metadata, 'forceHTTPS').toLowerCase())
  const endpoint = { url: field(metadata, 'tokenURL'), clientId, clientSecret, authStyle: 0 } as const
  const sessions = new Map<string, Session>()

  const begin = (request: PipelineRequest): PipelineAnswer => {
    const id = randomUUID()
    const state = randomUUID()
    const url = `${request.path}${request.query === '' ? '' : `?${request.query}`}`
    sessions.set(id, { state, url, header: '', until: monotonicMs() + sessionLifetime })
    if (sessions.size > maxSessions) {
      const [oldest] = sessions.keys()
      if (oldest !== undefined) sessions.delete(oldest)
    }
    const target = new URL(authUrl)
    target.searchParams.set('access_type', 'offline')
    target.searchParams.set('client_id', clientId)
    if (redirectUrl !== '') target.searchParams.set('redirect_uri', redirectUrl)
    target.searchParams.set('response_type', 'code')
    if (scopes !== '') target.searchParams.set('scope', scopes.split(',').join(' '))
    target.searchParams.set('state', state)
    return redirect(target.href, id)
  }

  return {
    async handle(request) {
      if (only && !only.test(request.path)) return undefined
      const id = cookie(request)
      const found = id === undefined ? undefined : sessions.get(id)
      const session = found && found.until > monotonicMs() ? found : undefined
      if (session && session.header !== '') {
        request.headers.push(headerName, session.header)
        return undefined
      }
      const query = new URLSearchParams(request.query)
      const state = query.get('state') ?? ''
      if (state === '') return begin(request)
      if (!session) return refusal(500, 'Internal Server Error')
      if (state !== session.state) return refusal(400, 'invalid state')
      const code = query.get('code') ?? ''
      if (code === '') return refusal(400, 'code not found')
      try {
        const token = await requestToken(endpoint, {
          grant_type: 'authorization_code',
          code,
          ...(redirectUrl === '' ? {} : { redirect_uri: redirectUrl }),
        })
        session.header = token.header
        if (token.expiresIn !== undefined) session.until = monotonicMs() + token.expiresIn * 1000
      } catch {
        log.error('Failed to exchange token')
        return refusal(500, 'Internal Server Error')
      }
      const host = headerOf(request, 'host') ?? ''
      return redirect(forceHttps ? `https://${host}${session.url}` : session.url, undefined)
    },
  }
}

function redirect(location: string, session: string | undefined): PipelineAnswer {
  const set = session === undefined ? [] : ['Set-Cookie', `${cookieName}=${session}; Path=/; HttpOnly; SameSite=Lax`]
  return { status: 302, headers: ['Location', location, ...set], body: '' }
}

function cookie(request: PipelineRequest): string | undefined {
  const given = headerOf(request, 'cookie') ?? ''
  for (const part of given.split(';')) {
    const [name, value] = part.trim().split('=')
    if (name === cookieName) return value
  }
  return undefined
}
