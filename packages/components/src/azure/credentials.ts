/** Chooses how an Azure component signs in, from its metadata (components-contrib common/authentication/azure/auth.go). */
import { readFile } from 'node:fs/promises'
import type { TokenCredential } from '@azure/core-auth'
import { ComponentError } from '../component-error.ts'
import { binaryBytes } from '../go/binary-text.ts'
import { goFileErrorText } from '../go/file-error.ts'
import { certificatePem } from './certificate.ts'
import { type AuthenticationSettings, azureCloud } from './environment.ts'
import type { AzureHttpClient } from './http-client.ts'
import { createTokenChain, type TokenSource } from './token-chain.ts'

type Environment = Readonly<Record<string, string | undefined>>

interface SignIn {
  readonly settings: AuthenticationSettings
  readonly environment: Environment
  readonly httpClient: AzureHttpClient
}

/** Undefined: nothing is configured for this way. A rejection is a reason why what is configured can not be used. */
type Method = (signIn: SignIn) => Promise<TokenSource | undefined>

const methods: Readonly<Record<string, Method>> = {
  clientcredentials: clientSecret,
  creds: clientSecret,
  clientcertificate: clientCertificate,
  cert: clientCertificate,
  workloadidentity: workloadIdentity,
  wi: workloadIdentity,
  spiffeworkloadidentity: spiffe,
  spiffe,
  managedidentity: managedIdentity,
  mi: managedIdentity,
  commandlineinterface: azureCli,
  cli: azureCli,
}

const defaultOrder = ['clientcredentials', 'clientcertificate', 'workloadidentity', 'spiffe', 'managedidentity']

/**
 * The credential for an Azure component. Nothing is sent before its first token is asked for.
 * @param environment the SDK itself reads IDENTITY_ENDPOINT and IDENTITY_HEADER from the process
 * @throws ComponentError `invalid Azure auth method: …`, `no suitable token provider for Azure AD; errors: …`
 */
export async function createAzureCredential(signIn: SignIn): Promise<TokenCredential> {
  const sources: TokenSource[] = []
  const reasons: string[] = []
  for (const method of chosenMethods(signIn)) {
    try {
      const source = await method(signIn)
      if (source) sources.push(source)
    } catch (error) {
      if (!(error instanceof ComponentError)) throw error
      reasons.push(error.message)
    }
  }
  if (sources.length === 0) {
    // Go joins no errors at all to this odd word.
    const errors = reasons.length === 0 ? '%!w(<nil>)' : reasons.join('\n')
    throw new ComponentError(`no suitable token provider for Azure AD; errors: ${errors}`)
  }
  return createTokenChain(sources)
}

function chosenMethods({ settings, environment }: SignIn): Method[] {
  const listed = settings.azureAuthMethods.trim().toLowerCase()
  const names = listed === '' ? defaultMethods(environment) : listed.split(',').map((name) => name.trim())
  return names.map((name) => {
    if (name === 'none') throw new ComponentError("all Azure auth methods have been disabled with auth method 'None'")
    const method = Object.hasOwn(methods, name) ? methods[name] : undefined
    if (method === undefined) throw new ComponentError(`invalid Azure auth method: ${name}`)
    return method
  })
}

function defaultMethods(environment: Environment): string[] {
  return isHosted(environment) ? defaultOrder : [...defaultOrder, 'cli']
}

/** App Service, Functions, Service Fabric, Container Apps; Azure Arc; Cloud Shell. */
function isHosted(environment: Environment): boolean {
  return Boolean(environment.IDENTITY_ENDPOINT || environment.IMDS_ENDPOINT || environment.MSI_ENDPOINT)
}

async function clientSecret({ settings, httpClient }: SignIn): Promise<TokenSource | undefined> {
  const { azureTenantId: tenantId, azureClientId: clientId, azureClientSecret } = settings
  if (clientId === '' || azureClientSecret === '' || tenantId === '') return undefined
  checkTenantId(tenantId)
  const { authorityHost } = azureCloud(settings.azureEnvironment)
  const options = { httpClient, authorityHost, tenantId, clientId, clientSecret: azureClientSecret }
  return onFirstToken(({ clientSecretSource }) => clientSecretSource(options))
}

async function clientCertificate({ settings, httpClient }: SignIn): Promise<TokenSource | undefined> {
  const { azureTenantId: tenantId, azureClientId: clientId, azureCertificate, azureCertificateFile } = settings
  if (azureCertificateFile === '' && azureCertificate === '') return undefined
  const data = azureCertificateFile === '' ? binaryBytes(azureCertificate) : await readCertificate(azureCertificateFile)
  if (data.length === 0) throw new ComponentError('certificate is not given')
  const certificate = await certificatePem(data, settings.azureCertificatePassword)
  checkTenantId(tenantId)
  const { authorityHost } = azureCloud(settings.azureEnvironment)
  const options = { httpClient, authorityHost, tenantId, clientId, certificate }
  return onFirstToken(({ clientCertificateSource }) => clientCertificateSource(options))
}

async function readCertificate(path: string): Promise<Buffer> {
  try {
    return await readFile(path)
  } catch (error) {
    throw new ComponentError(`failed to read the certificate file (${path}): ${goFileErrorText(path, error)}`)
  }
}

/** Only from the variables that the Kubernetes webhook injects. */
async function workloadIdentity({ environment, httpClient }: SignIn): Promise<TokenSource> {
  const variable = (name: string, what: string, option: string): string => {
    const value = environment[name]
    if (value !== undefined) return value
    throw new ComponentError(`no ${what} specified. Check pod configuration or set ${option} in the options`)
  }
  const clientId = variable('AZURE_CLIENT_ID', 'client ID', 'ClientID')
  const tokenFile = variable('AZURE_FEDERATED_TOKEN_FILE', 'token file', 'TokenFilePath')
  const tenantId = variable('AZURE_TENANT_ID', 'tenant ID', 'TenantID')
  checkTenantId(tenantId)
  const authorityHost = environment.AZURE_AUTHORITY_HOST || azureCloud('').authorityHost
  const options = { httpClient, authorityHost, tenantId, clientId, tokenFile }
  return onFirstToken(({ workloadIdentitySource }) => workloadIdentitySource(options))
}

async function spiffe({ settings }: SignIn): Promise<TokenSource | undefined> {
  if (settings.azureClientId === '' || settings.azureTenantId === '') return undefined
  return onFirstToken(({ spiffeSource }) => spiffeSource)
}

async function managedIdentity({ settings, environment, httpClient }: SignIn): Promise<TokenSource> {
  const options = { httpClient, clientId: settings.azureClientId, hosted: isHosted(environment) }
  return onFirstToken(({ managedIdentitySource }) => managedIdentitySource(options))
}

async function azureCli(): Promise<TokenSource> {
  return onFirstToken(({ azureCliSource }) => azureCliSource())
}

/** The sign-in libraries are the largest part of an Azure component, so they wait until a token is needed. */
function onFirstToken(make: (sources: typeof import('./token-sources.ts')) => TokenSource): TokenSource {
  let source: Promise<TokenSource> | undefined
  return {
    async getToken(scopes, claims) {
      source ??= import('./token-sources.ts').then(make)
      return (await source).getToken(scopes, claims)
    },
  }
}

function checkTenantId(tenantId: string): void {
  if (/^[A-Za-z0-9.-]+$/.test(tenantId)) return
  throw new ComponentError(
    'invalid tenantID. You can locate your tenantID by following the instructions listed here: https://learn.microsoft.com/partner-center/find-ids-and-domain-names',
  )
}
