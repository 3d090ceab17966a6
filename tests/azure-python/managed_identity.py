"""Reads one secret, and one blob, with each way of naming a managed identity."""

import json
import os
import sys

from azure.identity import DefaultAzureCredential, ManagedIdentityCredential
from azure.keyvault.secrets import SecretClient
from azure.storage.blob import BlobClient
from outcome import outcome, tell

asked = json.loads(sys.argv[1])
allowed, refused, stranger = asked["allowed"], asked["refused"], asked["stranger"]


def secret(credential):
    return outcome(lambda: SecretClient(asked["vaultUrl"], credential).get_secret("greeting").value)


def blob(credential):
    client = BlobClient(asked["accountUrl"], "inbox", "note", credential=credential)
    return outcome(lambda: client.download_blob().readall().decode())


def with_wrong_header():
    own = os.environ["IDENTITY_HEADER"]
    os.environ["IDENTITY_HEADER"] = "guessed"
    try:
        return secret(ManagedIdentityCredential(client_id=allowed["clientId"]))
    finally:
        os.environ["IDENTITY_HEADER"] = own


tell(
    {
        "byClientId": secret(ManagedIdentityCredential(client_id=allowed["clientId"])),
        "byResourceId": secret(ManagedIdentityCredential(identity_config={"resource_id": allowed["id"]})),
        "byObjectId": secret(ManagedIdentityCredential(identity_config={"object_id": allowed["principalId"]})),
        "byDefault": secret(DefaultAzureCredential(managed_identity_client_id=allowed["clientId"])),
        "withoutRole": secret(ManagedIdentityCredential(client_id=refused["clientId"])),
        "notAssigned": secret(ManagedIdentityCredential(client_id=stranger["clientId"])),
        "wrongHeader": with_wrong_header(),
        "blobAllowed": blob(ManagedIdentityCredential(client_id=allowed["clientId"])),
        "blobRefused": blob(ManagedIdentityCredential(client_id=refused["clientId"])),
    }
)
