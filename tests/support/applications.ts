/** Applications of a test cloud, made by Microsoft Graph as its owner makes them. */
// @peculiar/x509 wants this before it is loaded.
import 'reflect-metadata'
import { webcrypto, X509Certificate } from 'node:crypto'
import { once } from 'node:events'
import { writeFile } from 'node:fs/promises'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { openIdentityService } from '@keystead/identity'
import * as x509 from '@peculiar/x509'
import { succeed, type TestCloud } from './cloud.ts'
import { Gateway } from './gateway.ts'
import { openCloudStore } from './store.ts'

export interface TestApplication {
  readonly clientId: string
  readonly objectId: string
  readonly clientSecret: string
  /** A PEM file with the private key and the certificate that is registered for the application. */
  readonly certificatePath: string
}

const hour = 3_600_000

/** Adds an application with a service principal, a secret and a certificate for each name. */
export async function addApplications<Name extends string>(
  cloud: TestCloud,
  names: readonly Name[],
): Promise<Record<Name, TestApplication>> {
  const gateway = await Gateway.of(cloud.environment)
  const added: [Name, TestApplication][] = []
  for (const name of names) {
    const { certificatePem, privateKeyPem } = await makeCertificate(name)
    const certificatePath = join(cloud.dataDirectory, `${name}.pem`)
    await writeFile(certificatePath, `${privateKeyPem}\n${certificatePem}\n`, { mode: 0o600 })
    const { id, appId: clientId } = await gateway.graph('POST', 'applications', {
      displayName: name,
      keyCredentials: [
        {
          type: 'AsymmetricX509Cert',
          usage: 'Verify',
          key: new X509Certificate(certificatePem).raw.toString('base64'),
        },
      ],
    })
    const { id: objectId } = await gateway.graph('POST', 'servicePrincipals', { appId: clientId })
    const { secretText: clientSecret } = await gateway.graph('POST', `applications/${id}/addPassword`, {
      passwordCredential: { displayName: name },
    })
    added.push([name, { clientId, objectId, clientSecret, certificatePath } as TestApplication])
  }
  return Object.fromEntries(added) as Record<Name, TestApplication>
}

/** Tokens of the cloud's own for the application, which ended an hour ago and begin in two. The cloud is down meanwhile. */
export async function tokensOfOtherTimes(
  cloud: TestCloud,
  application: TestApplication,
  resource: string,
): Promise<{ readonly expired: string; readonly notYetValid: string }> {
  await succeed(cloud.keystead('down'))
  try {
    return {
      expired: await tokenAt(cloud, application, resource, Date.now() - 2 * hour),
      notYetValid: await tokenAt(cloud, application, resource, Date.now() + 2 * hour),
    }
  } finally {
    await succeed(cloud.keystead('up', '--detach'))
  }
}

async function tokenAt(
  { dataDirectory, environment: { AZURE_TENANT_ID: tenantId } }: TestCloud,
  { clientId, clientSecret }: TestApplication,
  resource: string,
  time: number,
): Promise<string> {
  const store = await openCloudStore(dataDirectory)
  const identity = await openIdentityService({
    store,
    clock: () => time,
    tenantId,
    identityEndpoint: 'http://127.0.0.1:1/msi/token',
    log: () => {},
  })
  const tokens = createServer(identity.tokenService)
  await once(tokens.listen(0, '127.0.0.1'), 'listening')
  try {
    const form = {
      grant_type: 'client_credentials',
      client_id: clientId,
      client_secret: clientSecret,
      scope: `${resource}/.default`,
    }
    const { port } = tokens.address() as AddressInfo
    const answer = await fetch(`http://127.0.0.1:${port}/${tenantId}/oauth2/v2.0/token`, {
      method: 'POST',
      body: new URLSearchParams(form),
    })
    const text = await answer.text()
    if (!answer.ok) throw new Error(`No token: ${text}`)
    return (JSON.parse(text) as { access_token: string }).access_token
  } finally {
    tokens.close()
    tokens.closeAllConnections()
    await identity.close()
    await store.close()
  }
}

/** An RSA certificate that the test signs itself. */
export async function makeCertificate(name: string): Promise<{ certificatePem: string; privateKeyPem: string }> {
  const algorithm = {
    name: 'RSASSA-PKCS1-v1_5',
    hash: 'SHA-256',
    publicExponent: new Uint8Array([1, 0, 1]),
    modulusLength: 2048,
  }
  const keys = await webcrypto.subtle.generateKey(algorithm, true, ['sign', 'verify'])
  const certificate = await x509.X509CertificateGenerator.createSelfSigned(
    {
      name: `CN=${name}`,
      keys,
      signingAlgorithm: algorithm,
      notBefore: new Date(Date.now() - 24 * hour),
      notAfter: new Date(Date.now() + 24 * hour),
    },
    webcrypto,
  )
  const pkcs8 = await webcrypto.subtle.exportKey('pkcs8', keys.privateKey)
  return { certificatePem: certificate.toString('pem'), privateKeyPem: x509.PemConverter.encode(pkcs8, 'PRIVATE KEY') }
}
