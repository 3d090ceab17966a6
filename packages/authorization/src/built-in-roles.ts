/**
 * The built-in roles that the services here act on, as Azure defines them
 * (https://learn.microsoft.com/azure/role-based-access-control/built-in-roles).
 */
import type { RoleDefinition } from './roles.ts'

interface Permissions {
  readonly actions?: readonly string[]
  readonly notActions?: readonly string[]
  readonly dataActions?: readonly string[]
  readonly notDataActions?: readonly string[]
}

function builtIn(name: string, roleName: string, description: string, permissions: Permissions): RoleDefinition {
  return {
    name,
    roleName,
    description,
    roleType: 'BuiltInRole',
    permissions: [{ actions: [], notActions: [], dataActions: [], notDataActions: [], ...permissions }],
    assignableScopes: ['/'],
  }
}

/** The control-plane actions of the Key Vault data roles: seeing vaults, not changing them. */
const seeVaults = [
  'Microsoft.Authorization/*/read',
  'Microsoft.Insights/alertRules/*',
  'Microsoft.Resources/deployments/*',
  'Microsoft.Resources/subscriptions/resourceGroups/read',
  'Microsoft.Support/*',
  'Microsoft.KeyVault/checkNameAvailability/read',
  'Microsoft.KeyVault/deletedVaults/read',
  'Microsoft.KeyVault/locations/*/read',
  'Microsoft.KeyVault/vaults/*/read',
  'Microsoft.KeyVault/operations/read',
] as const

const rbacVaultsOnly = "Only works for key vaults that use the 'Azure role-based access control' permission model."

const blobs = 'Microsoft.Storage/storageAccounts/blobServices/containers'
const queues = 'Microsoft.Storage/storageAccounts/queueServices/queues'
const clusters = 'Microsoft.ContainerService/managedClusters'
const delegationKey = 'Microsoft.Storage/storageAccounts/blobServices/generateUserDelegationKey/action'

const privileged: readonly RoleDefinition[] = [
  builtIn(
    '8e3af657-a8ff-443c-a75c-2fe8c4bcb635',
    'Owner',
    'Grants full access to manage all resources, including the ability to assign roles in Azure RBAC.',
    { actions: ['*'] },
  ),
  builtIn(
    'b24988ac-6180-42a0-ab88-20f7382dd24c',
    'Contributor',
    'Grants full access to manage all resources, but does not allow you to assign roles in Azure RBAC, manage assignments in Azure Blueprints, or share image galleries.',
    {
      actions: ['*'],
      notActions: [
        'Microsoft.Authorization/*/Delete',
        'Microsoft.Authorization/*/Write',
        'Microsoft.Authorization/elevateAccess/Action',
        'Microsoft.Blueprint/blueprintAssignments/write',
        'Microsoft.Blueprint/blueprintAssignments/delete',
        'Microsoft.Compute/galleries/share/action',
        'Microsoft.Purview/consents/write',
        'Microsoft.Purview/consents/delete',
        'Microsoft.Resources/deploymentStacks/manageDenySetting/action',
        'Microsoft.Subscription/cancel/action',
        'Microsoft.Subscription/enable/action',
      ],
    },
  ),
  builtIn(
    'acdd72a7-3385-48ef-bd42-f606fba81ae7',
    'Reader',
    'View all resources, but does not allow you to make any changes.',
    { actions: ['*/read'] },
  ),
  builtIn(
    '18d7d88d-d35e-4fb5-a5c3-7773c20a72d9',
    'User Access Administrator',
    'Lets you manage user access to Azure resources.',
    { actions: ['*/read', 'Microsoft.Authorization/*', 'Microsoft.Support/*'] },
  ),
  builtIn(
    'f58310d9-a9f6-439a-9e8d-f62e7b41a168',
    'Role Based Access Control Administrator',
    'Manage access to Azure resources by assigning roles using Azure RBAC. This role does not allow you to manage access using other ways, such as Azure Policy.',
    {
      actions: [
        'Microsoft.Authorization/roleAssignments/write',
        'Microsoft.Authorization/roleAssignments/delete',
        '*/read',
        'Microsoft.Support/*',
      ],
    },
  ),
]

const keyVault: readonly RoleDefinition[] = [
  builtIn(
    '00482a5a-887f-4fb3-b363-3b7fe8e74483',
    'Key Vault Administrator',
    `Perform all data plane operations on a key vault and all objects in it, including certificates, keys, and secrets. Cannot manage key vault resources or manage role assignments. ${rbacVaultsOnly}`,
    { actions: seeVaults, dataActions: ['Microsoft.KeyVault/vaults/*'] },
  ),
  builtIn(
    'a4417e6f-fecd-4de8-b567-7b0420556985',
    'Key Vault Certificates Officer',
    `Perform any action on the certificates of a key vault, except manage permissions. ${rbacVaultsOnly}`,
    {
      actions: seeVaults,
      dataActions: [
        'Microsoft.KeyVault/vaults/certificatecas/*',
        'Microsoft.KeyVault/vaults/certificates/*',
        'Microsoft.KeyVault/vaults/certificatecontacts/write',
      ],
    },
  ),
  builtIn(
    'db79e9a7-68ee-4b58-9aeb-b90e7c24fcba',
    'Key Vault Certificate User',
    `Read certificate contents. ${rbacVaultsOnly}`,
    {
      dataActions: [
        'Microsoft.KeyVault/vaults/certificates/read',
        'Microsoft.KeyVault/vaults/secrets/getSecret/action',
        'Microsoft.KeyVault/vaults/secrets/readMetadata/action',
        'Microsoft.KeyVault/vaults/keys/read',
      ],
    },
  ),
  builtIn(
    'f25e0fa2-a7c8-4377-a976-54943a77a395',
    'Key Vault Contributor',
    'Lets you manage key vaults, but not access to them.',
    {
      actions: [
        'Microsoft.Authorization/*/read',
        'Microsoft.Insights/alertRules/*',
        'Microsoft.KeyVault/*',
        'Microsoft.Resources/deployments/*',
        'Microsoft.Resources/subscriptions/resourceGroups/read',
        'Microsoft.Support/*',
      ],
      notActions: [
        'Microsoft.KeyVault/locations/deletedVaults/purge/action',
        'Microsoft.KeyVault/hsmPools/*',
        'Microsoft.KeyVault/managedHsms/*',
      ],
    },
  ),
  builtIn(
    '14b46e9e-c2b7-41b4-b07b-48a6ebf60603',
    'Key Vault Crypto Officer',
    `Perform any action on the keys of a key vault, except manage permissions. ${rbacVaultsOnly}`,
    {
      actions: seeVaults,
      dataActions: ['Microsoft.KeyVault/vaults/keys/*', 'Microsoft.KeyVault/vaults/keyrotationpolicies/*'],
    },
  ),
  builtIn(
    '12338af0-0e69-4776-bea7-57ae8d297424',
    'Key Vault Crypto User',
    `Perform cryptographic operations using keys. ${rbacVaultsOnly}`,
    {
      dataActions: [
        'Microsoft.KeyVault/vaults/keys/read',
        'Microsoft.KeyVault/vaults/keys/update/action',
        'Microsoft.KeyVault/vaults/keys/backup/action',
        'Microsoft.KeyVault/vaults/keys/encrypt/action',
        'Microsoft.KeyVault/vaults/keys/decrypt/action',
        'Microsoft.KeyVault/vaults/keys/wrap/action',
        'Microsoft.KeyVault/vaults/keys/unwrap/action',
        'Microsoft.KeyVault/vaults/keys/sign/action',
        'Microsoft.KeyVault/vaults/keys/verify/action',
      ],
    },
  ),
  builtIn(
    '21090545-7ca7-4776-b22c-e363652d74d2',
    'Key Vault Reader',
    `Read metadata of key vaults and its certificates, keys, and secrets. Cannot read sensitive values such as secret contents or key material. ${rbacVaultsOnly}`,
    {
      actions: seeVaults,
      dataActions: ['Microsoft.KeyVault/vaults/*/read', 'Microsoft.KeyVault/vaults/secrets/readMetadata/action'],
    },
  ),
  builtIn(
    'b86a8fe4-44ce-4948-aee5-eccb2c155cd7',
    'Key Vault Secrets Officer',
    `Perform any action on the secrets of a key vault, except manage permissions. ${rbacVaultsOnly}`,
    { actions: seeVaults, dataActions: ['Microsoft.KeyVault/vaults/secrets/*'] },
  ),
  builtIn('4633458b-17de-408a-b874-0445c86b69e6', 'Key Vault Secrets User', `Read secret contents. ${rbacVaultsOnly}`, {
    dataActions: [
      'Microsoft.KeyVault/vaults/secrets/getSecret/action',
      'Microsoft.KeyVault/vaults/secrets/readMetadata/action',
    ],
  }),
]

const storage: readonly RoleDefinition[] = [
  builtIn(
    '17d1049b-9a84-46fb-8f53-869881c3d3ab',
    'Storage Account Contributor',
    'Lets you manage storage accounts, including accessing storage account keys which provide full access to storage account data.',
    {
      actions: [
        'Microsoft.Authorization/*/read',
        'Microsoft.Insights/alertRules/*',
        'Microsoft.Insights/diagnosticSettings/*',
        'Microsoft.Network/virtualNetworks/subnets/joinViaServiceEndpoint/action',
        'Microsoft.ResourceHealth/availabilityStatuses/read',
        'Microsoft.Resources/deployments/*',
        'Microsoft.Resources/subscriptions/resourceGroups/read',
        'Microsoft.Storage/storageAccounts/*',
        'Microsoft.Support/*',
      ],
    },
  ),
  builtIn(
    'b7e6dc6d-f1e8-4753-8033-0f276bb0955b',
    'Storage Blob Data Owner',
    'Allows for full access to Azure Storage blob containers and data, including assigning POSIX access control.',
    { actions: [`${blobs}/*`, delegationKey], dataActions: [`${blobs}/blobs/*`] },
  ),
  builtIn(
    'ba92f5b4-2d11-453d-a403-e96b0029c9fe',
    'Storage Blob Data Contributor',
    'Allows for read, write and delete access to Azure Storage blob containers and data',
    {
      actions: [`${blobs}/delete`, `${blobs}/read`, `${blobs}/write`, delegationKey],
      dataActions: [
        `${blobs}/blobs/delete`,
        `${blobs}/blobs/read`,
        `${blobs}/blobs/write`,
        `${blobs}/blobs/move/action`,
        `${blobs}/blobs/add/action`,
      ],
    },
  ),
  builtIn(
    '2a2b9908-6ea1-4ae2-8e65-a410df84e7d1',
    'Storage Blob Data Reader',
    'Allows for read access to Azure Storage blob containers and data',
    { actions: [`${blobs}/read`, delegationKey], dataActions: [`${blobs}/blobs/read`] },
  ),
  builtIn(
    'db58b8e5-c6ad-4a2a-8342-4190687cbf4a',
    'Storage Blob Delegator',
    'Allows for generation of a user delegation key which can be used to sign SAS tokens',
    { actions: [delegationKey] },
  ),
  builtIn(
    '974c5e8b-45b9-4653-ba55-5f855dd0fb88',
    'Storage Queue Data Contributor',
    'Allows for read, write, and delete access to Azure Storage queues and queue messages',
    {
      actions: [`${queues}/delete`, `${queues}/read`, `${queues}/write`],
      dataActions: [
        `${queues}/messages/delete`,
        `${queues}/messages/read`,
        `${queues}/messages/write`,
        `${queues}/messages/process/action`,
      ],
    },
  ),
  builtIn(
    '8a0f0c08-91a1-4084-bc3d-661d67233fed',
    'Storage Queue Data Message Processor',
    'Allows for peek, receive, and delete access to Azure Storage queue messages',
    { dataActions: [`${queues}/messages/read`, `${queues}/messages/process/action`] },
  ),
  builtIn(
    'c6a89b2d-59bc-44d0-9896-0f6e12d7b80a',
    'Storage Queue Data Message Sender',
    'Allows for sending of Azure Storage queue messages',
    { dataActions: [`${queues}/messages/add/action`] },
  ),
  builtIn(
    '19e7f393-937e-4f77-808e-94535e297925',
    'Storage Queue Data Reader',
    'Allows for read access to Azure Storage queues and queue messages',
    { actions: [`${queues}/read`], dataActions: [`${queues}/messages/read`] },
  ),
  builtIn(
    '7ee386e9-84f0-448e-80a6-f185f6533131',
    'Storage Queue Delegator',
    'Allows for generation of a user delegation key, which can then be used to create a shared access signature for an Azure Storage queue that is signed with Entra ID credentials.',
    { actions: ['Microsoft.Storage/storageAccounts/queueServices/generateUserDelegationKey/action'] },
  ),
]

const others: readonly RoleDefinition[] = [
  builtIn(
    'e40ec5ca-96e0-45a2-b4ff-59039f2c2b59',
    'Managed Identity Contributor',
    'Create, Read, Update, and Delete User Assigned Identity',
    {
      actions: [
        'Microsoft.ManagedIdentity/userAssignedIdentities/read',
        'Microsoft.ManagedIdentity/userAssignedIdentities/write',
        'Microsoft.ManagedIdentity/userAssignedIdentities/delete',
        'Microsoft.ManagedIdentity/userAssignedIdentities/federatedIdentityCredentials/read',
        'Microsoft.ManagedIdentity/userAssignedIdentities/federatedIdentityCredentials/write',
        'Microsoft.ManagedIdentity/userAssignedIdentities/federatedIdentityCredentials/delete',
        'Microsoft.ManagedIdentity/userAssignedIdentities/revokeTokens/action',
        'Microsoft.Authorization/*/read',
        'Microsoft.Insights/alertRules/*',
        'Microsoft.Resources/subscriptions/resourceGroups/read',
        'Microsoft.Resources/deployments/*',
        'Microsoft.Support/*',
      ],
    },
  ),
  builtIn(
    'f1a07417-d97a-45cb-824c-7a7467783830',
    'Managed Identity Operator',
    'Read and Assign User Assigned Identity',
    {
      actions: [
        'Microsoft.ManagedIdentity/userAssignedIdentities/*/read',
        'Microsoft.ManagedIdentity/userAssignedIdentities/*/assign/action',
        'Microsoft.Authorization/*/read',
        'Microsoft.Insights/alertRules/*',
        'Microsoft.Resources/subscriptions/resourceGroups/read',
        'Microsoft.Resources/deployments/*',
        'Microsoft.Support/*',
      ],
    },
  ),
  builtIn(
    '9980e02c-c2be-4d73-94e8-173b1dc7cf3c',
    'Virtual Machine Contributor',
    "Lets you manage virtual machines, but not access to them, and not the virtual network or storage account they're connected to.",
    {
      actions: [
        'Microsoft.Authorization/*/read',
        'Microsoft.Compute/availabilitySets/*',
        'Microsoft.Compute/locations/*',
        'Microsoft.Compute/virtualMachines/*',
        'Microsoft.Compute/virtualMachineScaleSets/*',
        'Microsoft.Compute/cloudServices/*',
        'Microsoft.Compute/disks/write',
        'Microsoft.Compute/disks/read',
        'Microsoft.Compute/disks/delete',
        'Microsoft.DevTestLab/schedules/*',
        'Microsoft.Insights/alertRules/*',
        'Microsoft.Network/applicationGateways/backendAddressPools/join/action',
        'Microsoft.Network/loadBalancers/backendAddressPools/join/action',
        'Microsoft.Network/loadBalancers/inboundNatPools/join/action',
        'Microsoft.Network/loadBalancers/inboundNatRules/join/action',
        'Microsoft.Network/loadBalancers/probes/join/action',
        'Microsoft.Network/loadBalancers/read',
        'Microsoft.Network/locations/*',
        'Microsoft.Network/networkInterfaces/*',
        'Microsoft.Network/networkSecurityGroups/join/action',
        'Microsoft.Network/networkSecurityGroups/read',
        'Microsoft.Network/publicIPAddresses/join/action',
        'Microsoft.Network/publicIPAddresses/read',
        'Microsoft.Network/virtualNetworks/read',
        'Microsoft.Network/virtualNetworks/subnets/join/action',
        'Microsoft.RecoveryServices/locations/*',
        'Microsoft.RecoveryServices/Vaults/backupFabrics/backupProtectionIntent/write',
        'Microsoft.RecoveryServices/Vaults/backupFabrics/protectionContainers/protectedItems/*/read',
        'Microsoft.RecoveryServices/Vaults/backupFabrics/protectionContainers/protectedItems/read',
        'Microsoft.RecoveryServices/Vaults/backupFabrics/protectionContainers/protectedItems/write',
        'Microsoft.RecoveryServices/Vaults/backupPolicies/read',
        'Microsoft.RecoveryServices/Vaults/backupPolicies/write',
        'Microsoft.RecoveryServices/Vaults/read',
        'Microsoft.RecoveryServices/Vaults/usages/read',
        'Microsoft.RecoveryServices/Vaults/write',
        'Microsoft.ResourceHealth/availabilityStatuses/read',
        'Microsoft.Resources/deployments/*',
        'Microsoft.Resources/subscriptions/resourceGroups/read',
        'Microsoft.SerialConsole/serialPorts/connect/action',
        'Microsoft.SqlVirtualMachine/*',
        'Microsoft.Storage/storageAccounts/listKeys/action',
        'Microsoft.Storage/storageAccounts/read',
        'Microsoft.Support/*',
      ],
    },
  ),
  builtIn(
    '73c42c96-874c-492b-b04d-ab87d138a893',
    'Log Analytics Reader',
    'Log Analytics Reader can view and search all monitoring data as well as and view monitoring settings, including viewing the configuration of Azure diagnostics on all Azure resources.',
    {
      actions: [
        '*/read',
        'Microsoft.OperationalInsights/workspaces/analytics/query/action',
        'Microsoft.OperationalInsights/workspaces/search/action',
        'Microsoft.Support/*',
      ],
      notActions: ['Microsoft.OperationalInsights/workspaces/sharedKeys/read'],
    },
  ),
  builtIn(
    '4abbcc35-e782-43d8-92c5-2d3f1bd2253f',
    'Azure Kubernetes Service Cluster User Role',
    'List cluster user credential action.',
    { actions: [`${clusters}/listClusterUserCredential/action`, `${clusters}/read`] },
  ),
  builtIn(
    '0ab0b1a8-8aac-4efd-b8c2-3ee1fb270be8',
    'Azure Kubernetes Service Cluster Admin Role',
    'List cluster admin credential action.',
    {
      actions: [
        `${clusters}/listClusterAdminCredential/action`,
        `${clusters}/accessProfiles/listCredential/action`,
        `${clusters}/read`,
        `${clusters}/runcommand/action`,
      ],
    },
  ),
  builtIn('7f951dda-4ed3-4680-a7ca-43fe172d538d', 'AcrPull', 'acr pull', {
    actions: ['Microsoft.ContainerRegistry/registries/pull/read'],
  }),
]

/** Every built-in role known here; the guid is its `name`. */
export const builtInRoles: readonly RoleDefinition[] = [...privileged, ...keyVault, ...storage, ...others]
