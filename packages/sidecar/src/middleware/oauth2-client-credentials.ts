/** `middleware.http.oauth2clientcredentials`: requests go on with a token of the sidecar's own. */
import { monotonicMs } from '../clock.ts'
import { field, type MiddlewareFactory, pattern } from './factory.ts'
import { requestToken, type TokenEndpoint } from './oauth2-token.ts'
import { refusal } from './pipeline.ts'

const defaultLifetime = 3600

export const createOAuth2ClientCredentials: MiddlewareFactory = ({ metadata, log }) => {
  const problems: string[] = []
  const required = (name: string) => {
    const value = field(metadata, name)
    if (value === '') problems.push(`Parameter '${name}' needs to be set. `)
    return value
  }
  const headerName = required('headerName')
  const clientId = required('clientID')
  const clientSecret = required('clientSecret')
  const scopes = required('scopes')
  const url = required('tokenURL')
  const filter = field(metadata, 'pathFilter')
  const style = Number(field(metadata, 'authStyle') || 0)
  if (style !== 0 && style !== 1 && style !== 2) {
    problems.push(`Parameter 'authStyle' can only have the values 0,1,2. Received: '${style}'. `)
  }
  if (problems.length > 0) throw new Error(`metadata errors: ${problems.join('')}`)
  const only = filter === '' ? undefined : pattern(filter, "Parameter 'pathFilter' is not a valid regex")
  const endpoint: TokenEndpoint = { url, clientId, clientSecret, authStyle: style as 0 | 1 | 2 }
  const parameters = new URLSearchParams(field(metadata, 'endpointParamsQuery'))
  parameters.set('grant_type', 'client_credentials')
  parameters.set('scope', scopes.split(',').join(' '))
  let cached: { readonly header: string; readonly until: number } | undefined
  let pending: Promise<string> | undefined
  const acquire = async () => {
    log.info('Cached token not found, attempting to retrieve a new one')
    const { header, expiresIn } = await requestToken(endpoint, parameters)
    cached = { header, until: monotonicMs() + (expiresIn ?? defaultLifetime) * 1000 }
    return header
  }
  return {
    async handle(request) {
      if (only && !only.test(request.path)) return undefined
      let header = cached && cached.until > monotonicMs() ? cached.header : undefined
      if (header === undefined) {
        pending ??= acquire().finally(() => {
          pending = undefined
        })
        try {
          header = await pending
        } catch (error) {
          log.error(`Error acquiring token: ${error instanceof Error ? error.message : String(error)}`)
          return refusal(500, 'Internal Server Error')
        }
      }
      request.headers.push(headerName, header)
      return undefined
    },
  }
}
