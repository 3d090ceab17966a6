/** The metadata fields of secretstores.hashicorp.vault; those that Dapr does not have begin with `keystead.io/`. */
import type { ComponentDeclaration, Decoded } from '../../../component-declaration.ts'

export const declaration = {
  type: 'secretstores.hashicorp.vault',
  versions: ['v1'],
  title: 'HashiCorp Vault',
  fields: {
    vaultAddr: { type: 'string', default: 'https://127.0.0.1:8200', description: 'Address of the server.' },
    caPem: { type: 'string', description: 'Trusted authorities, PEM; wins over caPath and caCert.' },
    caPath: { type: 'string', description: 'Folder with PEM files of trusted authorities; wins over caCert.' },
    caCert: { type: 'string', description: 'Path of a PEM file with trusted authorities.' },
    skipVerify: { type: 'string', default: 'false', description: 'With `true` any certificate is taken.' },
    tlsServerName: { type: 'string', description: 'Name that the certificate has to be for.' },
    vaultToken: { type: 'string', sensitive: true, description: 'Token to sign in with.' },
    vaultTokenMountPath: { type: 'string', description: 'Path of a file with the token.' },
    vaultKVPrefix: { type: 'string', default: 'dapr', description: 'Path under which the secrets are.' },
    vaultKVUsePrefix: { type: 'bool', default: 'true', description: 'With `false` there is no prefix.' },
    enginePath: { type: 'string', default: 'secret', description: 'Path of the key/value engine.' },
    vaultValueType: {
      type: 'string',
      default: 'map',
      allowedValues: ['map', 'text'],
      description: 'A secret is a map of names to texts, or one text: the JSON of its data.',
    },
    'keystead.io/kvVersion': {
      type: 'string',
      default: '2',
      allowedValues: ['1', '2'],
      description: 'Version of the key/value engine.',
    },
    'keystead.io/namespace': { type: 'string', description: 'Namespace of the engine and of the sign-in.' },
    'keystead.io/appRoleId': { type: 'string', description: 'Role id, to sign in with AppRole.' },
    'keystead.io/appRoleSecretId': { type: 'string', sensitive: true, description: 'Secret id of the AppRole.' },
    'keystead.io/appRoleMount': { type: 'string', default: 'approle', description: 'Path of the AppRole method.' },
    'keystead.io/kubernetesRole': { type: 'string', description: 'Role, to sign in with a service account’s token.' },
    'keystead.io/kubernetesMount': {
      type: 'string',
      default: 'kubernetes',
      description: 'Path of the Kubernetes method.',
    },
    'keystead.io/kubernetesTokenPath': {
      type: 'string',
      default: '/var/run/secrets/kubernetes.io/serviceaccount/token',
      description: 'Path of the file with the service account’s token.',
    },
  },
} as const satisfies ComponentDeclaration

export type VaultMetadata = Decoded<typeof declaration>
