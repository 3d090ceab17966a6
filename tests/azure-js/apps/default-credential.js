// A program that leaves it to its environment who it is: reads one secret and prints what came of it.
import { DefaultAzureCredential } from '@azure/identity'
import { SecretClient } from '@azure/keyvault-secrets'

const [vault, name] = process.argv.slice(2)
try {
  const { value } = await new SecretClient(`https://${vault}.vault.azure.net`, new DefaultAzureCredential()).getSecret(
    name,
  )
  console.log(JSON.stringify({ value }))
} catch (error) {
  console.log(JSON.stringify({ name: error.name, status: error.statusCode, code: error.code, message: error.message }))
}
