/** The ways to sign in to Azure: @azure/identity's credentials, their failures worded as Go's azidentity words them. */

import { readFile } from 'node:fs/promises'
import type { AccessToken, TokenCredential } from '@azure/core-auth'
import { createPipelineRequest } from '@azure/core-rest-pipeline'
import {
  AzureCliCredential,
  ClientAssertionCredential,
  ClientCertificateCredential,
  ClientSecretCredential,
  CredentialUnavailableError,
  ManagedIdentityCredential,
} from '@azure/identity'
import { ComponentError } from '../component-error.ts'
import { goFileErrorText } from '../go/file-error.ts'
import { quote } from '../go/strconv.ts'
import { type Outcome, observedCall } from './azure-call.ts'
import type { AzureHttpClient } from './http-client.ts'
import { formatNetworkError } from './network-error.ts'
import { requestUrl, type WireResponse } from './response-error.ts'
import type { TokenSource } from './token-chain.ts'
import { AuthenticationFailed, CredentialUnavailable } from './token-error.ts'

/** A sign-in goes on for its other callers when one gives up, so it has a limit of its own. */
const signInTimeoutMs = 60_000
const probeTimeoutMs = 1000
const cliTimeoutMs = 30_000
const imdsUrl = 'http://169.254.169.254/metadata/identity/oauth2/token'

interface SignInOptions {
  readonly httpClient: AzureHttpClient
  readonly authorityHost: string
  readonly tenantId: string
  readonly clientId: string
}

function sdkOptions({ httpClient, authorityHost }: Pick<SignInOptions, 'httpClient' | 'authorityHost'>) {
  return { httpClient, authorityHost, retryOptions: { maxRetries: 0 } }
}

export function clientSecretSource(options: SignInOptions & { readonly clientSecret: string }): TokenSource {
  const { tenantId, clientId, clientSecret } = options
  const credential = new ClientSecretCredential(tenantId, clientId, clientSecret, sdkOptions(options))
  return confidentialSource('ClientSecretCredential', 'FromClientSecret()', credential)
}

/** @param options.certificate PEM with certificate and key */
export function clientCertificateSource(options: SignInOptions & { readonly certificate: string }): TokenSource {
  const { tenantId, clientId, certificate } = options
  const credential = new ClientCertificateCredential(tenantId, clientId, { certificate }, sdkOptions(options))
  return confidentialSource('ClientCertificateCredential', 'FromAssertion()', credential)
}

/** The token file is read for each sign-in, since Kubernetes replaces it. */
export function workloadIdentitySource(options: SignInOptions & { readonly tokenFile: string }): TokenSource {
  const { tenantId, clientId, tokenFile } = options
  const readToken = async (): Promise<string> => {
    try {
      return await readFile(tokenFile, 'utf8')
    } catch (error) {
      throw new AuthenticationFailed('WorkloadIdentityCredential', goFileErrorText(tokenFile, error))
    }
  }
  const credential = new ClientAssertionCredential(tenantId, clientId, readToken, sdkOptions(options))
  const inner = confidentialSource('WorkloadIdentityCredential', 'FromAssertion()', credential)
  return {
    async getToken(scopes, claims) {
      // The SDK would hide why the file can not be read.
      await readToken()
      return inner.getToken(scopes, claims)
    },
  }
}

/** There is no SPIFFE source in this sidecar, which Go's credential reports so. */
export const spiffeSource: TokenSource = {
  async getToken() {
    throw new CredentialUnavailable('SPIFFE workload identity: no JWT SVID source in the context')
  },
}

export function azureCliSource(): TokenSource {
  const credential = new AzureCliCredential({ processTimeoutInMs: cliTimeoutMs })
  return source(credential, (error) => {
    const message = error instanceof CredentialUnavailableError ? error.message : 'az failed to give a token'
    const missing = message.includes('could not be found')
    return new CredentialUnavailable(`AzureCLICredential: ${missing ? 'Azure CLI not found on path' : message}`)
  })
}

/**
 * @param options.hosted the host has an identity endpoint of its own; without one the instance metadata service is
 *   looked for first, for a second, because a request to it can hang for minutes where there is none
 *
 * The SDK keeps the first of these it made, with its HTTP client, for every later one of the process; that client goes
 * on working after its component was closed.
 */
export function managedIdentitySource(options: {
  readonly httpClient: AzureHttpClient
  readonly clientId: string
  readonly hosted: boolean
}): TokenSource {
  const { httpClient, clientId, hosted } = options
  const credential = new ManagedIdentityCredential({
    ...(clientId !== '' && { clientId }),
    httpClient,
    retryOptions: { maxRetries: 0 },
  })
  const inner = source(credential, (_error, outcome) => managedIdentityError(outcome, clientId))
  let reachable = hosted
  return {
    async getToken(scopes, claims) {
      reachable ||= await answers(httpClient)
      if (!reachable) throw new CredentialUnavailable('managed identity')
      return inner.getToken(scopes, claims)
    },
  }
}

async function answers(httpClient: AzureHttpClient): Promise<boolean> {
  const request = createPipelineRequest({ url: imdsUrl, allowInsecureConnection: true })
  const probe = await observedCall(AbortSignal.timeout(probeTimeoutMs), () => httpClient.sendRequest(request))
  return 'value' in probe
}

const managedIdentity = 'ManagedIdentityCredential'

/** Go wraps this credential's error in one of its own kind, so its text comes twice. */
function managedIdentityError(outcome: Outcome | undefined, clientId: string): ComponentError {
  const twice = (message: string, response?: WireResponse): ComponentError =>
    new AuthenticationFailed(
      managedIdentity,
      new AuthenticationFailed(managedIdentity, message, response).message,
      response,
    )
  if (outcome === undefined)
    return new AuthenticationFailed(managedIdentity, 'the identity endpoint sent no usable token')
  if (outcome.kind === 'failed') return twice(formatNetworkError(outcome.failure))
  const { response } = outcome
  if (requestUrl(response) === imdsUrl) {
    if (response.status === 400 && clientId !== '') {
      return twice("the requested identity isn't assigned to this resource", response)
    }
    if (response.status === 400) {
      const answer = response.body === '' ? '' : `. The endpoint responded with ${response.body}`
      return new CredentialUnavailable(`${managedIdentity}: failed to authenticate a system assigned identity${answer}`)
    }
    if (response.status === 403 && response.body.includes('unreachable')) {
      return new CredentialUnavailable(`${managedIdentity}: unexpected response ${quote(response.body)}`)
    }
  }
  return twice('authentication failed', response)
}

/** @param flow the function of Go's MSAL that its texts name */
function confidentialSource(name: string, flow: string, credential: TokenCredential): TokenSource {
  return source(credential, (error, outcome) => {
    if (error instanceof ComponentError) return error
    if (outcome === undefined) return new AuthenticationFailed(name, 'the token endpoint sent no usable token')
    const { method, url } = outcome.kind === 'failed' ? outcome.failure : outcome.response
    const step = url.includes('/.well-known/openid-configuration') ? 'unable to resolve an endpoint:' : flow
    if (outcome.kind === 'failed') {
      const prefix = step === flow ? `${flow}: ` : `${step} `
      return new AuthenticationFailed(name, `${prefix}server response error:\n ${formatNetworkError(outcome.failure)}`)
    }
    const prefix = step === flow ? `${flow}: ` : `${step} `
    const { status, body } = outcome.response
    const call = `http call(${requestUrl(outcome.response)})(${method}) error: reply status code was ${status}:\n${body}`
    return new AuthenticationFailed(name, prefix + call, outcome.response)
  })
}

function source(
  credential: TokenCredential,
  toError: (error: unknown, outcome: Outcome | undefined) => ComponentError,
): TokenSource {
  return {
    async getToken(scopes, claims) {
      const signal = AbortSignal.timeout(signInTimeoutMs)
      const result = await observedCall(signal, () => credential.getToken(scopes, { abortSignal: signal, claims }))
      if ('error' in result) throw toError(result.error, result.outcome)
      if (result.value === null) throw toError(undefined, undefined)
      return result.value satisfies AccessToken
    },
  }
}
