// Command peer does one thing to a vault, a storage account or a resource group with Azure's own Go clients, none of them told anything
// about Keystead: what they need to know is in their environment.
//
//	peer CREDENTIAL secret get|set VAULT-URL NAME
//	peer CREDENTIAL blob get|put ACCOUNT-URL CONTAINER/NAME
//	peer CREDENTIAL chain make RESOURCE-GROUP-ID NAME TENANT-ID
//
// CREDENTIAL is default, client-secret, managed-identity or managed-identity:CLIENT-ID. What is written comes from
// standard input. Prints one JSON document: {"value"}, or {"status","code","message"} and exit code 1 when refused;
// status is 0 when no service answered.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/azidentity"
)

type outcome struct {
	Value string `json:"value"`
}

type refusal struct {
	Status  int    `json:"status"`
	Code    string `json:"code"`
	Message string `json:"message"`
}

func main() {
	value, err := run(context.Background(), os.Args[1:])
	if err != nil {
		print(describe(err))
		os.Exit(1)
	}
	print(outcome{Value: value})
}

func run(ctx context.Context, args []string) (string, error) {
	if len(args) < 5 {
		return "", errors.New("usage: peer CREDENTIAL secret|blob|chain get|set|put|make URL|ID NAME [TENANT-ID]")
	}
	credential, err := credentialFor(args[0])
	if err != nil {
		return "", err
	}
	url, name := args[3], args[4]
	switch args[1] + " " + args[2] {
	case "secret get":
		return getSecret(ctx, credential, url, name)
	case "secret set":
		value, err := io.ReadAll(os.Stdin)
		if err != nil {
			return "", err
		}
		return setSecret(ctx, credential, url, name, string(value))
	case "blob get":
		return getBlob(ctx, credential, url, name)
	case "blob put":
		content, err := io.ReadAll(os.Stdin)
		if err != nil {
			return "", err
		}
		return putBlob(ctx, credential, url, name, content)
	case "chain make":
		if len(args) != 6 {
			return "", errors.New("a chain needs a tenant")
		}
		return makeChain(ctx, credential, url, name, args[5])
	default:
		return "", fmt.Errorf("unknown command %q %q", args[1], args[2])
	}
}

func credentialFor(kind string) (azcore.TokenCredential, error) {
	kind, clientID, userAssigned := strings.Cut(kind, ":")
	switch kind {
	case "default":
		return azidentity.NewDefaultAzureCredential(nil)
	case "client-secret":
		return azidentity.NewClientSecretCredential(
			os.Getenv("AZURE_TENANT_ID"), os.Getenv("AZURE_CLIENT_ID"), os.Getenv("AZURE_CLIENT_SECRET"), nil)
	case "managed-identity":
		options := azidentity.ManagedIdentityCredentialOptions{}
		if userAssigned {
			options.ID = azidentity.ClientID(clientID)
		}
		return azidentity.NewManagedIdentityCredential(&options)
	default:
		return nil, fmt.Errorf("unknown credential %q", kind)
	}
}

func describe(err error) refusal {
	var answered *azcore.ResponseError
	if errors.As(err, &answered) {
		return refusal{Status: answered.StatusCode, Code: answered.ErrorCode, Message: err.Error()}
	}
	var unauthenticated *azidentity.AuthenticationFailedError
	if errors.As(err, &unauthenticated) && unauthenticated.RawResponse != nil {
		return refusal{Status: unauthenticated.RawResponse.StatusCode, Code: "AuthenticationFailed", Message: err.Error()}
	}
	return refusal{Message: err.Error()}
}

func print(document any) {
	if err := json.NewEncoder(os.Stdout).Encode(document); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(2)
	}
}
