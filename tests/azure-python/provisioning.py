"""Makes a group, a vault, an identity and an assignment with the management clients, as whoever the environment says."""

import os
import sys
import uuid

from azure.identity import DefaultAzureCredential
from azure.mgmt.authorization import AuthorizationManagementClient
from azure.mgmt.keyvault import KeyVaultManagementClient
from azure.mgmt.msi import ManagedServiceIdentityClient
from azure.mgmt.resource.resources import ResourceManagementClient
from outcome import outcome, tell

group, name = sys.argv[1:]
subscription = os.environ["AZURE_SUBSCRIPTION_ID"]
location = "westeurope"
credential = DefaultAzureCredential()


def make():
    ResourceManagementClient(credential, subscription).resource_groups.create_or_update(group, {"location": location})
    vault = (
        KeyVaultManagementClient(credential, subscription)
        .vaults.begin_create_or_update(
            group,
            name,
            {
                "location": location,
                "properties": {
                    "tenantId": os.environ["AZURE_TENANT_ID"],
                    "sku": {"family": "A", "name": "standard"},
                    "enableRbacAuthorization": True,
                    "accessPolicies": [],
                },
            },
        )
        .result()
    )
    identity = ManagedServiceIdentityClient(credential, subscription).user_assigned_identities.create_or_update(
        group, f"id-{name}", {"location": location}
    )
    authorization = AuthorizationManagementClient(credential, subscription)
    role = next(iter(authorization.role_definitions.list(vault.id, filter="roleName eq 'Key Vault Secrets User'")))
    assignment = authorization.role_assignments.create(
        vault.id,
        str(uuid.uuid4()),
        {
            "properties": {
                "principalId": identity.principal_id,
                "principalType": "ServicePrincipal",
                "roleDefinitionId": role.id,
            }
        },
    )
    return {
        "vault": vault.id,
        "vaultUrl": vault.properties.vault_uri,
        "identity": identity.id,
        "clientId": identity.client_id,
        "scope": assignment.scope,
    }


tell({"made": outcome(make)})
