/** Words a failed sign-in as Go's azidentity does. */
import { ComponentError } from '../component-error.ts'
import { prettyBody, requestLine, separator, type WireResponse } from './response-error.ts'

/** This way to sign in is not there at all, so a chain goes on to the next (azidentity `credentialUnavailableError`). */
export class CredentialUnavailable extends ComponentError {
  override readonly name = 'CredentialUnavailable'
}

/** This way to sign in was refused or broke, so a chain stops (azidentity `AuthenticationFailedError`). */
export class AuthenticationFailed extends ComponentError {
  override readonly name = 'AuthenticationFailed'
  readonly response: WireResponse | undefined
  constructor(credential: string, message: string, response?: WireResponse) {
    super(response === undefined ? `${credential}: ${message}` : withResponse(credential, message, response))
    this.response = response
  }
}

const anchors: Readonly<Record<string, string>> = {
  AzureCLICredential: 'azure-cli',
  ClientCertificateCredential: 'client-cert',
  ClientSecretCredential: 'client-secret',
  ManagedIdentityCredential: 'managed-id',
  WorkloadIdentityCredential: 'workload',
}

function withResponse(credential: string, message: string, response: WireResponse): string {
  const anchor = anchors[credential]
  return [
    `${credential} authentication failed. ${message}`,
    requestLine(response),
    separator,
    `RESPONSE ${response.status} ${response.reason}`,
    separator,
    response.body === '' ? 'Response contained no body' : prettyBody(response.body),
    separator,
    anchor === undefined ? '' : `To troubleshoot, visit https://aka.ms/azsdk/go/identity/troubleshoot#${anchor}`,
  ].join('\n')
}
