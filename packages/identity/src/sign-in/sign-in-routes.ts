/** The endpoints of a sign-in that are not the token endpoint: authorization, device codes, the pages of both. */
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import { AadError, aadErrors } from '../aadsts.ts'
import { askedHost, authorityBase, isOwnHost } from '../authority.ts'
import type { Users } from '../directory/users.ts'
import { DirectoryError } from '../directory-error.ts'
import type { Principals } from '../principals.ts'
import type { UserRow } from '../tables.ts'
import { parseTenant } from '../tenant.ts'
import { audienceOf, resourceOfUserScope } from '../token-resource.ts'
import type { AuthorizationCodes } from './authorization-codes.ts'
import { AuthorizeRefusal, type AuthorizeRequest, parseAuthorizeRequest } from './authorize-request.ts'
import { type DeviceCodes, type DeviceGrant, deviceCodeSeconds, pollSeconds } from './device-codes.ts'
import {
  devicePage,
  formPostPage,
  messagePage,
  newPasswordPage,
  type Page,
  pageHeaders,
  renderPage,
  signInPage,
} from './pages.ts'
import { findUserClient } from './public-clients.ts'
import type { SignInSessions } from './sign-in-sessions.ts'
import type { UserPasswords } from './user-passwords.ts'

export interface SignInOptions {
  readonly tenantId: string
  readonly clock: () => number
  readonly principals: Principals
  readonly users: Users
  readonly passwords: UserPasswords
  readonly codes: AuthorizationCodes
  readonly devices: DeviceCodes
  readonly sessions: SignInSessions
  /** Where a person's browser finds the pages, e.g. `https://login.keystead.localhost:8443`; absent: where it was asked. */
  readonly signInBase: string | undefined
  readonly log: (level: 'info' | 'warn' | 'error', message: string, fields?: Record<string, unknown>) => void
}

interface TenantRoute {
  Params: { tenant: string }
}

const expired = 'This page has expired, or was opened in another browser. Go back to the app and sign in again.'
const tooMany = 'There were too many wrong codes. Wait a minute, then try again.'

export function addSignIn(app: FastifyInstance, options: SignInOptions): void {
  const { tenantId, sessions, codes, devices, passwords, log } = options

  function show(reply: FastifyReply, page: Page, status = 200): FastifyReply {
    return reply.code(status).headers(pageHeaders(page)).send(renderPage(page))
  }

  /** To the application, in the way that it asked for. */
  function respond(
    reply: FastifyReply,
    target: Pick<AuthorizeRequest, 'redirectUri' | 'responseMode' | 'state'>,
    values: Readonly<Record<string, string>>,
  ): FastifyReply {
    const parameters = new URLSearchParams({
      ...values,
      ...(target.state === undefined ? {} : { state: target.state }),
    })
    if (target.responseMode === 'form_post') return show(reply, formPostPage(target.redirectUri, parameters))
    const url = new URL(target.redirectUri)
    if (target.responseMode === 'fragment') url.hash = parameters.toString()
    else for (const [name, value] of parameters) url.searchParams.set(name, value)
    return reply
      .code(302)
      .headers({ location: url.href, 'cache-control': 'no-store', 'referrer-policy': 'no-referrer' })
      .send()
  }

  function refuse(reply: FastifyReply, target: AuthorizeRefusal['request'], error: AadError): FastifyReply {
    return respond(reply, target, {
      error: error.error,
      error_description: `AADSTS${error.code}: ${error.message}`,
    })
  }

  /** Faults of a page are told on a page; what only an application can mend is told to the application. */
  const errorHandler = (error: unknown, _request: FastifyRequest, reply: FastifyReply): void => {
    const cause = error instanceof AuthorizeRefusal ? error.cause : error
    const refusal = cause instanceof AadError ? cause : aadErrors.temporarilyUnavailable()
    if (!(cause instanceof AadError)) {
      log('error', 'A sign-in page failed', {
        error: cause instanceof Error ? `${cause.name}: ${cause.message}` : 'unknown',
      })
    }
    if (error instanceof AuthorizeRefusal) refuse(reply, error.request, refusal)
    else
      show(
        reply,
        messagePage('Sign-in is not possible', `AADSTS${refusal.code}: ${refusal.message}`, true),
        refusal.status,
      )
  }

  const authorize = async (request: FastifyRequest<TenantRoute>, reply: FastifyReply) => {
    parseTenant(request.params.tenant, tenantId)
    const parameters =
      request.method === 'POST'
        ? new URLSearchParams(bodyOf(request))
        : new URL(request.url, 'https://localhost').searchParams
    const wanted = await parseAuthorizeRequest(parameters, tenantId, options.principals)
    if (wanted.silent) return refuse(reply, wanted, aadErrors.interactionRequired())
    const { id, cookie } = sessions.begin({ kind: 'authorize', request: wanted }, request.headers.cookie)
    if (cookie !== undefined) reply.header('set-cookie', cookie)
    return show(
      reply,
      signInPage({
        transaction: id,
        clientName: wanted.clientName,
        redirectUri: wanted.redirectUri,
        ...(wanted.loginHint === undefined ? {} : { userName: wanted.loginHint }),
      }),
    )
  }

  /** Done: the application or the device gets what it waits for. */
  function complete(reply: FastifyReply, id: string, purpose: Purpose, user: UserRow): FastifyReply {
    const signedInAt = options.clock()
    sessions.end(id)
    log('info', 'A user signed in', { objectId: user.object_id, clientId: clientOf(purpose) })
    if (purpose.kind === 'device') {
      return devices.decide(purpose.grant.userCode, { userId: user.object_id, signedInAt })
        ? show(
            reply,
            messagePage(
              'You are signed in',
              `${purpose.grant.clientName} on your device goes on now. You can close this page.`,
            ),
          )
        : show(
            reply,
            messagePage('Sign-in is not possible', 'The code has expired. Start again on your device.', true),
            400,
          )
    }
    const { clientId, redirectUri, scope, nonce, codeChallenge } = purpose.request
    const code = codes.issue({
      userId: user.object_id,
      clientId,
      redirectUri,
      scope,
      signedInAt,
      ...(nonce === undefined ? {} : { nonce }),
      ...(codeChallenge === undefined ? {} : { codeChallenge }),
    })
    return respond(reply, purpose.request, { code })
  }

  function cancel(reply: FastifyReply, id: string, purpose: Purpose): FastifyReply {
    sessions.end(id)
    if (purpose.kind === 'device') {
      devices.decide(purpose.grant.userCode, 'declined')
      return show(reply, messagePage('Sign-in was cancelled', 'The device was not signed in. You can close this page.'))
    }
    return respond(reply, purpose.request, {
      error: 'access_denied',
      error_description: 'AADSTS65004: User declined to consent to access the app.',
    })
  }

  const login = async (request: FastifyRequest, reply: FastifyReply) => {
    const form = new URLSearchParams(bodyOf(request))
    const id = form.get('transaction') ?? undefined
    const signIn = fromOwnPage(request) ? sessions.find(id, request.headers.cookie) : undefined
    if (id === undefined || !signIn || signIn.purpose.kind === 'deviceCode') {
      return show(reply, messagePage('Sign-in is not possible', expired, true), 400)
    }
    const { purpose } = signIn
    const action = form.get('do')
    if (action === 'cancel') return cancel(reply, id, purpose)
    const redirect = purpose.kind === 'authorize' ? { redirectUri: purpose.request.redirectUri } : {}
    if (action === 'change' && signIn.userId !== undefined) {
      const wanted = form.get('new_password') ?? ''
      const again = (error: string) => show(reply, newPasswordPage({ transaction: id, error, ...redirect }))
      if (wanted !== form.get('new_password_again')) return again('The two passwords are not the same.')
      const user = await options.users.find(signIn.userId)
      if (!user) return show(reply, messagePage('Sign-in is not possible', expired, true), 400)
      if (await passwords.isCurrent(user, wanted)) return again('Choose a password other than the one that you have.')
      try {
        await options.users.update(user.object_id, { password: wanted, mustChangePassword: false })
      } catch (error) {
        if (error instanceof DirectoryError) return again(error.message)
        throw error
      }
      return complete(reply, id, purpose, user)
    }
    const userName = (form.get('username') ?? '').slice(0, 320)
    try {
      const user = await passwords.check(userName, form.get('password') ?? '')
      if (user.must_change_password === 0) return complete(reply, id, purpose, user)
      signIn.userId = user.object_id
      return show(reply, newPasswordPage({ transaction: id, ...redirect }))
    } catch (error) {
      if (!(error instanceof AadError)) throw error
      log('warn', 'A sign-in was refused', { code: `AADSTS${error.code}`, clientId: clientOf(purpose) })
      return show(
        reply,
        signInPage({
          transaction: id,
          userName,
          error: plain(error),
          clientName: purpose.kind === 'device' ? purpose.grant.clientName : purpose.request.clientName,
          ...(purpose.kind === 'device' ? { userCode: purpose.grant.userCode } : {}),
          ...redirect,
        }),
        error.code === 50053 ? 429 : error.status === 503 ? 503 : 200,
      )
    }
  }

  const askForCode = (request: FastifyRequest, reply: FastifyReply, error?: string, status = 200) => {
    const { id, cookie } = sessions.begin({ kind: 'deviceCode' }, request.headers.cookie)
    if (cookie !== undefined) reply.header('set-cookie', cookie)
    return show(reply, devicePage({ transaction: id, ...(error === undefined ? {} : { error }) }), status)
  }

  const takeCode = async (request: FastifyRequest, reply: FastifyReply) => {
    const form = new URLSearchParams(bodyOf(request))
    const id = form.get('transaction') ?? undefined
    const signIn = fromOwnPage(request) ? sessions.find(id, request.headers.cookie) : undefined
    if (id === undefined || signIn?.purpose.kind !== 'deviceCode') return askForCode(request, reply, expired, 400)
    sessions.end(id)
    const grant = devices.find(form.get('user_code') ?? '')
    if (grant === 'tooMany') return askForCode(request, reply, tooMany, 429)
    if (grant === 'unknown')
      return askForCode(request, reply, 'That code is not known, or has expired. Check it and try again.')
    const next = sessions.begin({ kind: 'device', grant }, request.headers.cookie)
    return show(reply, signInPage({ transaction: next.id, clientName: grant.clientName, userCode: grant.userCode }))
  }

  /** RFC 8628 section 3.2. */
  const deviceCode = async (request: FastifyRequest<TenantRoute>, reply: FastifyReply) => {
    const tenant = parseTenant(request.params.tenant, tenantId)
    const form = new URLSearchParams(bodyOf(request))
    const clientId = form.get('client_id')
    if (!clientId) throw aadErrors.missingParameter('client_id')
    const client = await findUserClient(clientId, options.principals)
    if (!client) throw aadErrors.applicationNotFound(clientId, tenantId)
    if (!client.isPublic('noRedirect')) throw aadErrors.notPublicClient(clientId)
    const asked = form.get('resource')
    const scope = form.get('scope') ?? (asked ? `${asked}/.default openid profile offline_access` : '')
    if (scope === '') throw aadErrors.missingParameter('scope')
    const resource = resourceOfUserScope(scope)
    if (audienceOf(resource) === undefined) throw aadErrors.resourceNotFound(resource, tenantId)
    const { deviceCode: code, userCode } = devices.issue({
      clientId: client.clientId,
      clientName: client.displayName,
      scope,
      tenant,
    })
    const page = `${options.signInBase ?? authorityBase(request.headers)}/device`
    return reply.headers({ 'cache-control': 'no-store', pragma: 'no-cache' }).send({
      user_code: userCode,
      device_code: code,
      verification_uri: page,
      verification_url: page,
      expires_in: deviceCodeSeconds,
      interval: pollSeconds,
      message: `To sign in, use a web browser to open the page ${page} and enter the code ${userCode} to authenticate.`,
    })
  }

  for (const version of ['/v2.0', '']) {
    app.get<TenantRoute>(`/:tenant/oauth2${version}/authorize`, { errorHandler }, authorize)
    app.post<TenantRoute>(`/:tenant/oauth2${version}/authorize`, { errorHandler }, authorize)
    app.post(`/:tenant/oauth2${version}/devicecode`, deviceCode)
    // No browser stays signed in here, so there is nothing to end.
    app.get(`/:tenant/oauth2${version}/logout`, { errorHandler }, async (_request, reply) =>
      show(reply, messagePage('You are signed out', 'You can close this page.')),
    )
  }
  app.post('/common/login', { errorHandler }, login)
  for (const path of ['/device', '/common/oauth2/deviceauth']) {
    app.get(path, { errorHandler }, async (request, reply) => askForCode(request, reply))
    app.post(path, { errorHandler }, takeCode)
  }
  /** msal asks what kind of account a name is, before it sends the password. */
  app.get('/common/userrealm/:name', async (request) => {
    const { name } = request.params as { name: string }
    return {
      ver: '1.0',
      account_type: 'Managed',
      domain_name: name.slice(name.indexOf('@') + 1),
      cloud_instance_name: 'microsoftonline.com',
      cloud_audience_urn: 'urn:federation:MicrosoftOnline',
    }
  })
}

type Purpose =
  | { readonly kind: 'authorize'; readonly request: AuthorizeRequest }
  | { readonly kind: 'device'; readonly grant: DeviceGrant }

function clientOf(purpose: Purpose): string {
  return purpose.kind === 'device' ? purpose.grant.clientId : purpose.request.clientId
}

function bodyOf(request: FastifyRequest): string {
  return typeof request.body === 'string' ? request.body : ''
}

/** Browsers say where a form was sent from; one that came from elsewhere is not taken, whatever it carries. */
function fromOwnPage(request: FastifyRequest): boolean {
  const { origin, 'sec-fetch-site': site } = request.headers
  if (site !== undefined && site !== 'same-origin') return false
  if (origin === undefined || origin === 'null') return origin === undefined || site === 'same-origin'
  if (!URL.canParse(origin)) return false
  const { host } = new URL(origin)
  return host === askedHost(request.headers)?.toLowerCase() && isOwnHost(host)
}

/** A refusal in words for the person at the page. */
function plain(error: AadError): string {
  switch (error.code) {
    case 50126:
      return 'The user name or the password is wrong.'
    case 50053:
      return 'There were too many wrong attempts for this user. Wait a minute, then try again.'
    case 50057:
      return 'This account is disabled. Ask an administrator of the directory.'
    default:
      return `AADSTS${error.code}: ${error.message}`
  }
}
