package main

import (
	"context"
	"fmt"
	"strings"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/to"
	"github.com/Azure/azure-sdk-for-go/sdk/resourcemanager/authorization/armauthorization/v2"
	"github.com/Azure/azure-sdk-for-go/sdk/resourcemanager/keyvault/armkeyvault"
	"github.com/Azure/azure-sdk-for-go/sdk/resourcemanager/msi/armmsi"
)

const (
	region         = "westeurope"
	secretsUser    = "Key Vault Secrets User"
	roleAssignment = "6f1b7a52-3a59-4a4c-9a53-0d6f6d4c9d10"
)

// makeChain makes a vault that decides by roles, an identity, and the role with which the identity reads the vault's
// secrets, in the group with this resource id. It answers the identity's resource id.
func makeChain(ctx context.Context, credential azcore.TokenCredential, groupID, name, tenant string) (string, error) {
	parts := strings.Split(groupID, "/")
	if len(parts) != 5 {
		return "", fmt.Errorf("%q is no resource group's id", groupID)
	}
	subscription, group := parts[2], parts[4]

	vaults, err := armkeyvault.NewVaultsClient(subscription, credential, nil)
	if err != nil {
		return "", err
	}
	making, err := vaults.BeginCreateOrUpdate(ctx, group, name, armkeyvault.VaultCreateOrUpdateParameters{
		Location: to.Ptr(region),
		Properties: &armkeyvault.VaultProperties{
			TenantID:                to.Ptr(tenant),
			SKU:                     &armkeyvault.SKU{Family: to.Ptr(armkeyvault.SKUFamilyA), Name: to.Ptr(armkeyvault.SKUNameStandard)},
			EnableRbacAuthorization: to.Ptr(true),
			AccessPolicies:          []*armkeyvault.AccessPolicyEntry{},
		},
	}, nil)
	if err != nil {
		return "", err
	}
	vault, err := making.PollUntilDone(ctx, nil)
	if err != nil {
		return "", err
	}

	identities, err := armmsi.NewUserAssignedIdentitiesClient(subscription, credential, nil)
	if err != nil {
		return "", err
	}
	identity, err := identities.CreateOrUpdate(ctx, group, "id-"+name, armmsi.Identity{Location: to.Ptr(region)}, nil)
	if err != nil {
		return "", err
	}

	role, err := roleID(ctx, credential, *vault.ID)
	if err != nil {
		return "", err
	}
	assignments, err := armauthorization.NewRoleAssignmentsClient(subscription, credential, nil)
	if err != nil {
		return "", err
	}
	_, err = assignments.Create(ctx, *vault.ID, roleAssignment, armauthorization.RoleAssignmentCreateParameters{
		Properties: &armauthorization.RoleAssignmentProperties{
			PrincipalID:      identity.Properties.PrincipalID,
			PrincipalType:    to.Ptr(armauthorization.PrincipalTypeServicePrincipal),
			RoleDefinitionID: to.Ptr(role),
		},
	}, nil)
	if err != nil {
		return "", err
	}
	return *identity.ID, nil
}

func roleID(ctx context.Context, credential azcore.TokenCredential, scope string) (string, error) {
	definitions, err := armauthorization.NewRoleDefinitionsClient(credential, nil)
	if err != nil {
		return "", err
	}
	pages := definitions.NewListPager(scope, &armauthorization.RoleDefinitionsClientListOptions{
		Filter: to.Ptr("roleName eq '" + secretsUser + "'"),
	})
	for pages.More() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return "", err
		}
		for _, definition := range page.Value {
			return *definition.ID, nil
		}
	}
	return "", fmt.Errorf("there is no role %q", secretsUser)
}
