package dev.keystead.peers;

import com.azure.core.credential.TokenCredential;
import com.azure.core.exception.ClientAuthenticationException;
import com.azure.core.exception.HttpResponseException;
import com.azure.core.management.exception.ManagementError;
import com.azure.identity.ClientSecretCredentialBuilder;
import com.azure.identity.DefaultAzureCredentialBuilder;
import com.azure.identity.ManagedIdentityCredentialBuilder;
import com.azure.json.JsonProviders;
import com.azure.json.JsonWriter;
import com.azure.security.keyvault.secrets.SecretClient;
import com.azure.security.keyvault.secrets.SecretClientBuilder;
import java.io.IOException;
import java.io.StringWriter;
import java.nio.charset.StandardCharsets;
import java.util.Map;

/**
 * Does one thing to a vault or a resource group with Azure's own Java clients, none of them told anything about Keystead: what they need
 * to know is in their environment.
 *
 * <pre>
 * Peer CREDENTIAL secret get|set VAULT-URL NAME
 * Peer CREDENTIAL chain make RESOURCE-GROUP-ID NAME TENANT-ID
 * </pre>
 *
 * CREDENTIAL is default, client-secret, managed-identity or managed-identity:CLIENT-ID. What is written comes from
 * standard input. Prints one JSON document: {"value"}, or {"status","code","message"} and exit code 1 when refused;
 * status is 0 when no service answered.
 */
public final class Peer {
    private Peer() {}

    public static void main(String[] args) throws IOException {
        try {
            String value = run(args);
            print(writer -> writer.writeStringField("value", value));
        } catch (RuntimeException refused) {
            print(writer -> describe(writer, refused));
            System.exit(1);
        }
        // The HTTP client's threads outlive its last request.
        System.exit(0);
    }

    private static String run(String[] args) throws IOException {
        if (args.length == 6 && args[1].equals("chain")) {
            return Chain.make(credential(args[0]), args[3], args[4], args[5]);
        }
        if (args.length != 5 || !args[1].equals("secret")) {
            throw new IllegalArgumentException("usage: Peer CREDENTIAL secret|chain get|set|make URL|ID NAME [TENANT-ID]");
        }
        SecretClient client = new SecretClientBuilder()
                .credential(credential(args[0]))
                .vaultUrl(args[3])
                .buildClient();
        return switch (args[2]) {
            case "get" -> client.getSecret(args[4]).getValue();
            case "set" -> client.setSecret(args[4], new String(System.in.readAllBytes(), StandardCharsets.UTF_8))
                    .getValue();
            default -> throw new IllegalArgumentException("unknown command " + args[2]);
        };
    }

    private static TokenCredential credential(String kind) {
        String[] parts = kind.split(":", 2);
        return switch (parts[0]) {
            case "default" -> new DefaultAzureCredentialBuilder().build();
            case "client-secret" -> new ClientSecretCredentialBuilder()
                    .tenantId(System.getenv("AZURE_TENANT_ID"))
                    .clientId(System.getenv("AZURE_CLIENT_ID"))
                    .clientSecret(System.getenv("AZURE_CLIENT_SECRET"))
                    .build();
            case "managed-identity" -> {
                var builder = new ManagedIdentityCredentialBuilder();
                if (parts.length == 2) builder.clientId(parts[1]);
                yield builder.build();
            }
            default -> throw new IllegalArgumentException("unknown credential " + parts[0]);
        };
    }

    private static void describe(JsonWriter writer, RuntimeException error) throws IOException {
        int status = 0;
        String code = "";
        if (error instanceof HttpResponseException answered && answered.getResponse() != null) {
            status = answered.getResponse().getStatusCode();
            // The clients hand the service's error document on as they parsed it: {code, message, innererror}.
            if (answered.getValue() instanceof ManagementError document) code = document.getCode();
            if (answered.getValue() instanceof Map<?, ?> document) {
                Object inner = document.get("error") instanceof Map<?, ?> nested ? nested.get("code") : document.get("code");
                code = String.valueOf(inner);
            }
        } else if (error instanceof ClientAuthenticationException) {
            code = "AuthenticationFailed";
        }
        writer.writeIntField("status", status).writeStringField("code", code);
        StringBuilder message = new StringBuilder(error.toString());
        for (Throwable cause = error.getCause(); cause != null; cause = cause.getCause()) {
            message.append('\n').append(cause);
        }
        writer.writeStringField("message", message.toString());
    }

    private interface Fields {
        void write(JsonWriter writer) throws IOException;
    }

    private static void print(Fields fields) throws IOException {
        StringWriter document = new StringWriter();
        try (JsonWriter writer = JsonProviders.createWriter(document)) {
            writer.writeStartObject();
            fields.write(writer);
            writer.writeEndObject();
        }
        System.out.println(document);
    }
}
