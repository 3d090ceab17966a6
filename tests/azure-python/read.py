"""What one who may do little gets from a vault."""

import sys

from azure.identity import DefaultAzureCredential
from azure.keyvault.secrets import SecretClient
from outcome import outcome, tell

client = SecretClient(sys.argv[1], DefaultAzureCredential())
tell(
    {
        "get": outcome(lambda: client.get_secret("greeting").value),
        "getOther": outcome(lambda: client.get_secret("other").value),
        "list": outcome(lambda: [each.name for each in client.list_properties_of_secrets()]),
        "set": outcome(lambda: client.set_secret("greeting", "changed").value),
        "delete": outcome(lambda: client.begin_delete_secret("greeting").result().name),
    }
)
