// Reads one secret with the managed identity that the platform gives: no credential, no Keystead-specific line.
import { DefaultAzureCredential } from '@azure/identity'
import { SecretClient } from '@azure/keyvault-secrets'

const [vault, name] = process.argv.slice(2)
const client = new SecretClient(`https://${vault}.vault.azure.net`, new DefaultAzureCredential(), {
  retryOptions: { maxRetries: 0 },
})

try {
  const secret = await client.getSecret(name)
  console.log(JSON.stringify({ ok: true, status: 200, name: secret.name, length: secret.value.length }))
} catch (error) {
  console.log(JSON.stringify({ ok: false, status: error.statusCode, code: error.code, message: error.message }))
  process.exitCode = 1
}
