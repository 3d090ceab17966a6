"""Every operation of azure-keyvault-secrets, for one who may do them all."""

import sys

from azure.identity import DefaultAzureCredential
from azure.keyvault.secrets import SecretClient
from outcome import outcome, tell

vault_url, other_vault_url, unknown_vault_url = sys.argv[1:]
credential = DefaultAzureCredential()
client = SecretClient(vault_url, credential)
other = SecretClient(other_vault_url, credential)

first = client.set_secret("setting", "one", content_type="text/plain", tags={"team": "a"})
client.set_secret("setting", "two é 漢")
latest = client.get_secret("setting")
old = client.get_secret("setting", first.properties.version)

switched = client.set_secret("switched", "v")
client.update_secret_properties("switched", switched.properties.version, enabled=False)
disabled = outcome(lambda: client.get_secret("switched").value)
client.update_secret_properties("switched", switched.properties.version, enabled=True)

names = [f"item-{index:02}" for index in range(30)]
for name in names:
    client.set_secret(name, f"value-of-{name}")
listed = list(client.list_properties_of_secrets())

backup = client.backup_secret("setting")
restored_beside = outcome(lambda: client.restore_secret_backup(backup).name)
other.restore_secret_backup(backup)

client.begin_delete_secret("setting").wait()
gone = outcome(lambda: client.get_secret("setting").value)
taken = outcome(lambda: client.set_secret("setting", "three").value)
deleted = client.get_deleted_secret("setting")
deleted_names = [each.name for each in client.list_deleted_secrets()]
client.begin_recover_deleted_secret("setting").wait()
recovered = client.get_secret("setting").value
client.begin_delete_secret("setting").wait()
client.purge_deleted_secret("setting")
purged = outcome(lambda: client.get_deleted_secret("setting").name)

tell(
    {
        "latest": latest.value,
        "old": [old.value, old.properties.content_type, old.properties.tags],
        "disabled": disabled,
        "enabledAgain": client.get_secret("switched").value,
        "listed": sorted(each.name for each in listed),
        "valuesInLists": any("value-of" in str(vars(each)) for each in listed),
        "restoredBeside": restored_beside,
        "restored": other.get_secret("setting").value,
        "restoredVersions": len(list(other.list_properties_of_secret_versions("setting"))),
        "gone": gone,
        "taken": taken,
        "recoveryId": deleted.recovery_id,
        "deleted": deleted_names,
        "recovered": recovered,
        "purged": purged,
        "absent": outcome(lambda: client.get_secret("absent").value),
        "badName": outcome(lambda: client.set_secret("under_score", "v").value),
        "unknownVault": outcome(
            lambda: SecretClient(unknown_vault_url, credential, retry_total=0).get_secret("absent").value
        ),
    }
)
