"""Blobs and queues by shared key, by signature and by token."""

import json
import sys
from datetime import datetime, timedelta, timezone

from azure.identity import DefaultAzureCredential
from azure.storage.blob import (
    BlobSasPermissions,
    BlobServiceClient,
    ContainerSasPermissions,
    generate_blob_sas,
    generate_container_sas,
)
from azure.storage.queue import QueueSasPermissions, QueueServiceClient, generate_queue_sas
from outcome import outcome, tell

account, key = json.loads(sys.stdin.read())
blob_url = f"https://{account}.blob.core.windows.net"
queue_url = f"https://{account}.queue.core.windows.net"
soon = datetime.now(timezone.utc) + timedelta(hours=1)


def blobs(credential):
    return BlobServiceClient(blob_url, credential=credential, retry_total=0)


def queues(credential):
    return QueueServiceClient(queue_url, credential=credential, retry_total=0)


def read(credential, container="inbox", name="note"):
    return outcome(lambda: blobs(credential).get_blob_client(container, name).download_blob().readall().decode())


def write(credential, container="inbox", name="written"):
    def upload():
        blobs(credential).get_blob_client(container, name).upload_blob(b"x", overwrite=True)
        return True

    return outcome(upload)


def names(credential, container="inbox"):
    return outcome(lambda: [each.name for each in blobs(credential).get_container_client(container).list_blobs()])


def send(credential, queue="jobs"):
    return outcome(lambda: bool(queues(credential).get_queue_client(queue).send_message("a message").id))


def receive(credential, queue="jobs"):
    def first():
        client = queues(credential).get_queue_client(queue)
        message = next(client.receive_messages())
        client.delete_message(message)
        return message.content

    return outcome(first)


token = DefaultAzureCredential()
blob_sas = generate_blob_sas(
    account, "inbox", "note", account_key=key, permission=BlobSasPermissions(read=True), expiry=soon
)
container_sas = generate_container_sas(
    account, "inbox", account_key=key, permission=ContainerSasPermissions(list=True), expiry=soon
)
queue_sas = generate_queue_sas(
    account, "jobs", account_key=key, permission=QueueSasPermissions(add=True), expiry=soon
)


def delegation_sas():
    start = datetime.now(timezone.utc) - timedelta(minutes=1)
    delegation = blobs(token).get_user_delegation_key(start, soon)
    return generate_blob_sas(
        account,
        "inbox",
        "note",
        user_delegation_key=delegation,
        permission=BlobSasPermissions(read=True, write=True),
        expiry=soon,
    )


by_key = {
    "create": outcome(lambda: bool(blobs(key).create_container("inbox").container_name)),
    "createBeside": outcome(lambda: bool(blobs(key).create_container("outbox").container_name)),
    "createQueue": outcome(lambda: bool(queues(key).create_queue("jobs").queue_name)),
    "write": write(key, name="note"),
    "writeBeside": write(key, container="outbox", name="note"),
    "large": outcome(
        lambda: blobs(key).get_blob_client("inbox", "large").upload_blob(b"y" * 9_000_000, overwrite=True) and True
    ),
    "readLarge": outcome(
        lambda: len(blobs(key).get_blob_client("inbox", "large").download_blob().readall())
    ),
    "read": read(key),
    "names": names(key),
    "send": send(key),
    "receive": receive(key),
} if "prepare" in sys.argv else {}

tell(
    {
        "byKey": by_key,
        "byWrongKey": read("d3Jvbmc=".rjust(88, "A")),
        "bySas": {"read": read(blob_sas), "write": write(blob_sas, name="note"), "names": names(blob_sas)},
        "byContainerSas": {
            "names": names(container_sas),
            "read": read(container_sas),
            "namesBeside": names(container_sas, "outbox"),
        },
        "byQueueSas": {"send": send(queue_sas), "receive": receive(queue_sas)},
        "byToken": {
            "read": read(token),
            "write": write(token),
            "names": names(token),
            "readBeside": read(token, "outbox"),
            "send": send(token),
            "receive": receive(token),
        },
        "byDelegation": outcome(
            lambda: {"read": read(delegation_sas()), "write": write(delegation_sas(), name="note")}
        ),
    }
)
