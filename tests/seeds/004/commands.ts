/** The recipe's commands, as written. */

export const grant = `
export KEY_VAULT_ID=$(az keyvault show \\
--name "$KEY_VAULT_NAME" \\
--resource-group "$RG" \\
--query "id" \\
--output tsv)
az role assignment create \\
--assignee-object-id "$PRINCIPAL_ID" \\
--assignee-principal-type ServicePrincipal \\
--role "Key Vault Secrets User" \\
--scope "$KEY_VAULT_ID"
`

export const setSecret = `
az keyvault secret set \\
--vault-name "$KEY_VAULT_NAME" \\
--name "api-base-url" \\
--value "https://example.internal"
`
