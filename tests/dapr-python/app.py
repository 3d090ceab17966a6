"""An app that uses state and secrets by the Dapr SDK, and prints what came of each call."""

import json
import sys

from dapr.clients import DaprClient
from dapr.clients.grpc._request import TransactionalStateOperation, TransactionOperationType
from dapr.clients.grpc._state import Concurrency, StateItem, StateOptions
from grpc import RpcError


def outcome(work):
    try:
        return {"value": work()}
    except RpcError as error:
        # The SDK reads the details of an error about state; one about secrets it passes on as it came.
        reason = error.error_code() if hasattr(error, "error_code") else None
        return {"status": error.code().name, "reason": reason, "message": error.details()}


def transaction(store):
    upsert, delete = TransactionOperationType.upsert, TransactionOperationType.delete
    client.execute_state_transaction(
        store,
        [
            TransactionalStateOperation(operation_type=upsert, key="a", data="first"),
            TransactionalStateOperation(operation_type=upsert, key="b", data="second"),
            TransactionalStateOperation(operation_type=delete, key="a"),
        ],
    )
    return [client.get_state(store, key).text() for key in ("a", "b")]


def delete():
    client.save_state(store, "passing", "1")
    client.delete_state(store, "passing")
    return client.get_state(store, "passing").text()


def save_both():
    client.save_bulk_state(store, [StateItem("order-1", "one"), StateItem("order-2", "two")])
    found = client.get_bulk_state(store, ["order-1", "order-2", "absent"]).items
    return {item.key: item.text() for item in found}


def save(etag):
    options = StateOptions(concurrency=Concurrency.first_write)
    client.save_state(store, key, '{"item": "cup"}', etag=etag, options=options)


def get():
    return client.get_state(store, key).json()


def get_secret(secret_store, name):
    return dict(client.get_secret(secret_store, name).secret)


store, key = "statestore", "order-python"
with DaprClient() as client:
    outcomes = {
        "save": outcome(lambda: client.save_state(store, key, '{"item": "teapot"}') is not None),
        "get": outcome(get),
        "getAbsent": outcome(lambda: client.get_state(store, "absent").text()),
        "saveWithOldEtag": outcome(lambda: save('"0x0"')),
        "kept": outcome(get),
        "saveWithEtag": outcome(lambda: save(client.get_state(store, key).etag)),
        "changed": outcome(get),
        "bulkState": outcome(save_both),
        "delete": outcome(delete),
        "transaction": outcome(lambda: transaction("memory")),
        "transactionOnBlobs": outcome(lambda: transaction(store)),
        "unknownStore": outcome(lambda: client.get_state("nowhere", key).text()),
        "allowedSecret": outcome(lambda: get_secret("secretstore", "storage-account-name")),
        "secret": outcome(lambda: get_secret("secretstore", "greeting")),
        "absentSecret": outcome(lambda: get_secret("secretstore", "absent")),
        "bulk": outcome(lambda: sorted(client.get_bulk_secret("secretstore").secrets)),
        "localFile": outcome(lambda: get_secret("local", "db:password")),
        "localAbsent": outcome(lambda: get_secret("local", "absent")),
        "unknownSecretStore": outcome(lambda: get_secret("nowhere", "greeting")),
        "metadata": outcome(lambda: client.get_metadata().application_id),
    }
json.dump(outcomes, sys.stdout)
