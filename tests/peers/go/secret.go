package main

import (
	"context"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/to"
	"github.com/Azure/azure-sdk-for-go/sdk/security/keyvault/azsecrets"
)

func getSecret(ctx context.Context, credential azcore.TokenCredential, vault, name string) (string, error) {
	client, err := azsecrets.NewClient(vault, credential, nil)
	if err != nil {
		return "", err
	}
	answer, err := client.GetSecret(ctx, name, "", nil)
	if err != nil {
		return "", err
	}
	return *answer.Value, nil
}

func setSecret(ctx context.Context, credential azcore.TokenCredential, vault, name, value string) (string, error) {
	client, err := azsecrets.NewClient(vault, credential, nil)
	if err != nil {
		return "", err
	}
	answer, err := client.SetSecret(ctx, name, azsecrets.SetSecretParameters{Value: to.Ptr(value)}, nil)
	if err != nil {
		return "", err
	}
	return *answer.Value, nil
}
