/** The secrets API over gRPC. */
import type { SecretsApi } from '../runtime/secrets.ts'
import {
  GetBulkSecretRequest,
  GetBulkSecretResponse,
  GetSecretRequest,
  GetSecretResponse,
} from './gen/dapr/proto/runtime/v1/secret.ts'
import { type Method, method } from './method.ts'

export function secretsMethods(secrets: SecretsApi): Record<string, Method> {
  return {
    GetSecret: method(GetSecretRequest, GetSecretResponse, async ({ storeName, key, metadata }, { signal }) => ({
      data: await secrets.get(storeName, key, metadata, signal),
    })),
    GetBulkSecret: method(GetBulkSecretRequest, GetBulkSecretResponse, async ({ storeName, metadata }, { signal }) => {
      const all = await secrets.getBulk(storeName, metadata, signal)
      return { data: Object.fromEntries(Object.entries(all).map(([name, pairs]) => [name, { secrets: pairs }])) }
    }),
  }
}
