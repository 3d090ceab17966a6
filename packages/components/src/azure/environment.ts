/** The Azure clouds, their host names, and the metadata fields with which an Azure component signs in. */
import type { MetadataField } from '../component-declaration.ts'
import { ComponentError } from '../component-error.ts'

export interface AzureCloud {
  readonly authorityHost: string
  readonly vaultSuffix: string
  readonly storageSuffix: string
}

const publicCloud: AzureCloud = {
  authorityHost: 'https://login.microsoftonline.com',
  vaultSuffix: 'vault.azure.net',
  storageSuffix: 'core.windows.net',
}
const chinaCloud: AzureCloud = {
  authorityHost: 'https://login.chinacloudapi.cn',
  vaultSuffix: 'vault.azure.cn',
  storageSuffix: 'core.chinacloudapi.cn',
}
const governmentCloud: AzureCloud = {
  authorityHost: 'https://login.microsoftonline.us',
  vaultSuffix: 'vault.usgovcloudapi.net',
  storageSuffix: 'core.usgovcloudapi.net',
}

const clouds: Readonly<Record<string, AzureCloud>> = {
  '': publicCloud,
  azurepubliccloud: publicCloud,
  azurepublic: publicCloud,
  azurechinacloud: chinaCloud,
  azurechina: chinaCloud,
  azureusgovernmentcloud: governmentCloud,
  azureusgovernment: governmentCloud,
}

/** @throws ComponentError `invalid Azure cloud: …` */
export function azureCloud(name: string): AzureCloud {
  const cloud = Object.hasOwn(clouds, name.toLowerCase()) ? clouds[name.toLowerCase()] : undefined
  if (cloud === undefined) throw new ComponentError(`invalid Azure cloud: ${name}`)
  return cloud
}

/** components-contrib common/authentication/azure/metadata-properties.go */
export const authenticationFields = {
  azureEnvironment: {
    type: 'string',
    aliases: ['azureCloud'],
    allowedValues: Object.keys(clouds).filter((name) => name !== ''),
    description: 'The Azure cloud, without regard to case.',
  },
  azureAuthMethods: {
    type: 'string',
    aliases: ['azureADAuthMethods', 'entraIDAuthMethods', 'microsoftEntraIDAuthMethods'],
    description: 'Ways to sign in, in order and separated by commas, in place of the default order.',
  },
  azureTenantId: {
    type: 'string',
    aliases: ['spnTenantId', 'tenantId'],
    description: 'Tenant of the service principal.',
  },
  azureClientId: {
    type: 'string',
    aliases: ['spnClientId', 'clientId'],
    description: 'Client id of the service principal, or of the user-assigned managed identity.',
  },
  azureClientSecret: {
    type: 'string',
    sensitive: true,
    aliases: ['spnClientSecret', 'clientSecret'],
    description: 'Client secret of the service principal.',
  },
  azureCertificate: {
    type: 'string',
    sensitive: true,
    aliases: ['spnCertificate'],
    description: 'Certificate and private key of the service principal, PFX or PEM.',
  },
  azureCertificateFile: {
    type: 'string',
    aliases: ['spnCertificateFile'],
    description: 'Path of the PFX or PEM file; wins over the certificate given as a value.',
  },
  azureCertificatePassword: {
    type: 'string',
    sensitive: true,
    aliases: ['spnCertificatePassword'],
    description: 'Password of the PFX.',
  },
} as const satisfies Readonly<Record<string, MetadataField>>

export type AuthenticationSettings = Readonly<Record<keyof typeof authenticationFields, string>>
