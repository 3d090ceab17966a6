/** Applications of a test cloud: Microsoft Graph is not served, so they are written while the cloud is down. */
// @peculiar/x509 wants this before it is loaded.
import 'reflect-metadata'
import { webcrypto } from 'node:crypto'
import { once } from 'node:events'
import { writeFile } from 'node:fs/promises'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { authorizationMigrations } from '@keystead/authorization'
import { deploymentsMigrations } from '@keystead/deployments'
import { identityMigrations, openIdentityService } from '@keystead/identity'
import { keyVaultMigrations } from '@keystead/key-vault'
import { resourceManagerMigrations } from '@keystead/resource-manager'
import { storageMigrations } from '@keystead/storage'
import { loadMasterKey, openStore } from '@keystead/store'
import * as x509 from '@peculiar/x509'
import { succeed, type TestCloud } from './cloud.ts'

export interface TestApplication {
  readonly clientId: string
  readonly objectId: string
  readonly clientSecret: string
  /** A PEM file with the private key and the certificate that is registered for the application. */
  readonly certificatePath: string
  /** The cloud's own tokens for https://vault.azure.net, which ended an hour ago. */
  readonly expiredVaultToken: string
}

const hour = 3_600_000

/** Stops the cloud, adds an application with a service principal for each name, and starts the cloud again. */
export async function addApplications<Name extends string>(
  cloud: TestCloud,
  names: readonly Name[],
): Promise<Record<Name, TestApplication>> {
  await succeed(cloud.keystead('down'))
  // Two hours and a little ago: what the directory issues then has expired now.
  const added = await write(cloud, names, () => Date.now() - 3 * hour)
  await succeed(cloud.keystead('up', '--detach'))
  return added
}

async function write<Name extends string>(
  cloud: TestCloud,
  names: readonly Name[],
  clock: () => number,
): Promise<Record<Name, TestApplication>> {
  const masterKey = await loadMasterKey({
    file: join(cloud.dataDirectory, 'master.key'),
    environment: {},
    create: false,
  })
  const store = await openStore({
    path: join(cloud.dataDirectory, 'keystead.db'),
    masterKey,
    migrations: [
      authorizationMigrations,
      identityMigrations,
      resourceManagerMigrations,
      keyVaultMigrations,
      storageMigrations,
      deploymentsMigrations,
    ],
  })
  const tenantId = cloud.environment.AZURE_TENANT_ID
  const identity = await openIdentityService({
    store,
    clock,
    tenantId,
    identityEndpoint: 'http://127.0.0.1:1/msi/token',
    log: () => {},
  })
  const tokens = createServer(identity.tokenService)
  await once(tokens.listen(0, '127.0.0.1'), 'listening')
  try {
    const added: [Name, TestApplication][] = []
    for (const name of names) {
      const { application, servicePrincipal } = await identity.directory.createApplication({ displayName: name })
      const { secretText } = await identity.directory.addPassword(application.appId, {
        displayName: name,
        lifetimeSeconds: 86_400,
      })
      const { certificatePem, privateKeyPem } = await makeCertificate(name)
      await identity.directory.addCertificate(application.appId, { certificatePem })
      const certificatePath = join(cloud.dataDirectory, `${name}.pem`)
      await writeFile(certificatePath, `${privateKeyPem}\n${certificatePem}\n`, { mode: 0o600 })
      const form = {
        grant_type: 'client_credentials',
        client_id: application.appId,
        client_secret: secretText,
        scope: 'https://vault.azure.net/.default',
      }
      const { port } = tokens.address() as AddressInfo
      const answer = await fetch(`http://127.0.0.1:${port}/${tenantId}/oauth2/v2.0/token`, {
        method: 'POST',
        body: new URLSearchParams(form),
      })
      const { access_token: expiredVaultToken } = (await answer.json()) as { access_token: string }
      added.push([
        name,
        {
          clientId: application.appId,
          objectId: servicePrincipal.objectId,
          clientSecret: secretText,
          certificatePath,
          expiredVaultToken,
        },
      ])
    }
    return Object.fromEntries(added) as Record<Name, TestApplication>
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
