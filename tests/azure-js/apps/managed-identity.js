// An app with managed identities: asks for one secret with each way of naming an identity, and prints what came of it.
import { execFileSync } from 'node:child_process'
import { DefaultAzureCredential, ManagedIdentityCredential } from '@azure/identity'
import { SecretClient } from '@azure/keyvault-secrets'
import { BlobServiceClient } from '@azure/storage-blob'

async function outcome(work) {
  try {
    return { value: await work() }
  } catch (error) {
    // A HEAD is answered without a body: the code is in a header then.
    const code = error.code ?? error.details?.errorCode
    return { name: error.name, status: error.statusCode, code, message: error.message }
  }
}

const secret = (credential) =>
  outcome(async () => {
    const client = new SecretClient(`https://${vault}.vault.azure.net`, credential)
    return (await client.getSecret('greeting')).value
  })
const blob = (credential) =>
  outcome(async () => {
    const service = new BlobServiceClient(`https://${account}.blob.core.windows.net`, credential)
    return (await service.getContainerClient('inbox').getBlobClient('note').downloadToBuffer()).toString()
  })

const token = (clientId) =>
  outcome(() => new ManagedIdentityCredential({ clientId }).getToken('https://management.azure.com/.default'))

/** What a process of its own is answered: the client keeps the header that it saw first. */
function tokenWithHeader(header, clientId) {
  const env = { ...process.env, IDENTITY_HEADER: header }
  return JSON.parse(execFileSync(process.execPath, [import.meta.filename, 'token', clientId], { env }).toString())
}

if (process.argv[2] === 'token') {
  console.log(JSON.stringify(await token(process.argv[3])))
  process.exit()
}
const { vault, account, allowed, refused, stranger } = JSON.parse(process.argv[2])
console.log(
  JSON.stringify({
    byClientId: await secret(new ManagedIdentityCredential({ clientId: allowed.clientId })),
    byResourceId: await secret(new ManagedIdentityCredential({ resourceId: allowed.id })),
    byObjectId: await secret(new ManagedIdentityCredential({ objectId: allowed.principalId })),
    byDefault: await secret(new DefaultAzureCredential({ managedIdentityClientId: allowed.clientId })),
    withoutRole: await secret(new ManagedIdentityCredential({ clientId: refused.clientId })),
    notAssigned: await secret(new ManagedIdentityCredential({ clientId: stranger.clientId })),
    blobAllowed: await blob(new ManagedIdentityCredential({ clientId: allowed.clientId })),
    blobRefused: await blob(new ManagedIdentityCredential({ clientId: refused.clientId })),
    wrongHeader: tokenWithHeader('guessed', allowed.clientId),
    credentialVariables: Object.keys(process.env).filter((name) =>
      /^AZURE_(CLIENT|CONFIG|USERNAME|PASSWORD|STORAGE)/.test(name),
    ),
  }),
)
