// Drives a sidecar with the Dapr SDK for Go: secrets and state over gRPC. Prints one JSON object.
package main

import (
	"context"
	"encoding/json"
	"os"

	"github.com/dapr/go-sdk/client"
)

func text(err error) string {
	if err == nil {
		return ""
	}
	return err.Error()
}

func main() {
	ctx := context.Background()
	c, err := client.NewClientWithAddress(os.Args[1])
	if err != nil {
		panic(err)
	}
	defer c.Close()
	out := map[string]any{}
	secret, err := c.GetSecret(ctx, "secrets", "k", nil)
	out["secret"], out["secretError"] = secret, text(err)
	bulk, err := c.GetBulkSecret(ctx, "secrets", nil)
	out["bulk"], out["bulkError"] = bulk, text(err)
	_, err = c.GetSecret(ctx, "nowhere", "k", nil)
	out["refused"] = text(err)
	out["save"] = text(c.SaveState(ctx, "state", "a", []byte(`{"n":1}`), nil))
	item, err := c.GetState(ctx, "state", "a", nil)
	out["get"], out["etag"], out["getError"] = string(item.Value), item.Etag != "", text(err)
	out["mismatch"] = text(c.SaveStateWithETag(ctx, "state", "a", []byte("2"), "999", nil))
	out["transaction"] = text(c.ExecuteStateTransaction(ctx, "state", nil, []*client.StateOperation{
		{Type: client.StateOperationTypeUpsert, Item: &client.SetStateItem{Key: "b", Value: []byte("3")}},
		{Type: client.StateOperationTypeDelete, Item: &client.SetStateItem{Key: "a"}},
	}))
	items, err := c.GetBulkState(ctx, "state", []string{"a", "b"}, nil, 2)
	values := map[string]string{}
	for _, one := range items {
		values[one.Key] = string(one.Value)
	}
	out["bulkState"], out["bulkStateError"] = values, text(err)
	out["delete"] = text(c.DeleteState(ctx, "state", "b", nil))
	answer, err := c.InvokeMethodWithContent(ctx, "app1", "echo", "post", &client.DataContent{Data: []byte("hi"), ContentType: "text/plain"})
	out["invoke"], out["invokeError"] = string(answer), text(err)
	json.NewEncoder(os.Stdout).Encode(out)
}
