package main

import (
	"context"
	"fmt"
	"io"
	"strings"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/storage/azblob"
)

func getBlob(ctx context.Context, credential azcore.TokenCredential, account, path string) (string, error) {
	container, name, err := split(path)
	if err != nil {
		return "", err
	}
	client, err := azblob.NewClient(account, credential, nil)
	if err != nil {
		return "", err
	}
	answer, err := client.DownloadStream(ctx, container, name, nil)
	if err != nil {
		return "", err
	}
	defer answer.Body.Close()
	content, err := io.ReadAll(answer.Body)
	return string(content), err
}

func putBlob(
	ctx context.Context, credential azcore.TokenCredential, account, path string, content []byte,
) (string, error) {
	container, name, err := split(path)
	if err != nil {
		return "", err
	}
	client, err := azblob.NewClient(account, credential, nil)
	if err != nil {
		return "", err
	}
	_, err = client.UploadBuffer(ctx, container, name, content, nil)
	return string(content), err
}

func split(path string) (container, name string, err error) {
	container, name, found := strings.Cut(path, "/")
	if !found {
		return "", "", fmt.Errorf("%q is not CONTAINER/NAME", path)
	}
	return container, name, nil
}
