"""Reads one secret with each credential of azure-identity that an application can have."""

import os
import sys

from azure.identity import CertificateCredential, ClientSecretCredential, DefaultAzureCredential
from azure.keyvault.secrets import SecretClient
from outcome import outcome, tell

vault_url, certificate, other_certificate = sys.argv[1:]
tenant = os.environ["AZURE_TENANT_ID"]
client_id = os.environ["AZURE_CLIENT_ID"]
secret = os.environ["AZURE_CLIENT_SECRET"]


def read(credential):
    return outcome(lambda: SecretClient(vault_url, credential).get_secret("greeting").value)


tell(
    {
        "secret": read(ClientSecretCredential(tenant, client_id, secret)),
        "wrongSecret": read(ClientSecretCredential(tenant, client_id, "wrong")),
        "unknownClient": read(ClientSecretCredential(tenant, "00000000-0000-4000-8000-000000000000", secret)),
        "certificate": read(CertificateCredential(tenant, client_id, certificate)),
        "certificateWithChain": read(
            CertificateCredential(tenant, client_id, certificate, send_certificate_chain=True)
        ),
        "otherCertificate": read(CertificateCredential(tenant, client_id, other_certificate)),
        "default": read(DefaultAzureCredential()),
    }
)
