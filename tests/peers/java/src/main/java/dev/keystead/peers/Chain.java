package dev.keystead.peers;

import com.azure.core.credential.TokenCredential;
import com.azure.core.management.AzureEnvironment;
import com.azure.core.management.Region;
import com.azure.core.management.profile.AzureProfile;
import com.azure.resourcemanager.authorization.AuthorizationManager;
import com.azure.resourcemanager.authorization.models.BuiltInRole;
import com.azure.resourcemanager.keyvault.KeyVaultManager;
import com.azure.resourcemanager.keyvault.models.Vault;
import com.azure.resourcemanager.msi.MsiManager;
import com.azure.resourcemanager.msi.models.Identity;
import java.util.UUID;

/** What an app without a credential needs, made with the management clients. */
final class Chain {
    private Chain() {}

    /**
     * Makes a vault that decides by roles, an identity, and the role with which the identity reads the vault's secrets,
     * in the group with this resource id. Answers the identity's resource id.
     */
    static String make(TokenCredential credential, String groupId, String name, String tenantId) {
        String[] parts = groupId.split("/");
        String group = parts[4];
        AzureProfile profile = new AzureProfile(tenantId, parts[2], AzureEnvironment.AZURE);

        Vault vault = KeyVaultManager.authenticate(credential, profile)
                .vaults()
                .define(name)
                .withRegion(Region.EUROPE_WEST)
                .withExistingResourceGroup(group)
                .withRoleBasedAccessControl()
                .create();
        Identity identity = MsiManager.authenticate(credential, profile)
                .identities()
                .define("id-" + name)
                .withRegion(Region.EUROPE_WEST)
                .withExistingResourceGroup(group)
                .create();
        AuthorizationManager.authenticate(credential, profile)
                .roleAssignments()
                .define(UUID.randomUUID().toString())
                .forObjectId(identity.principalId())
                .withBuiltInRole(BuiltInRole.fromString("Key Vault Secrets User"))
                .withScope(vault.id())
                .create();
        return identity.id();
    }
}
