/** Where a client asks after a long-running operation. */
import { systemNamespace } from './operation-table.ts'

/** Seconds between two questions. Not 0: azure-core for Python and Go read that as "use the default", 30 seconds. */
const retryAfter = '1'

interface OperationAddress {
  readonly id: string
  readonly namespace: string
  readonly subscriptionId: string
  readonly apiVersion: string
  readonly baseUrl: string
}

/** The headers of a 201 or 202. Microsoft.Resources itself, as on Azure, gives a `Location` only. */
export function operationHeaders(address: OperationAddress): Record<string, string> {
  const location = resultUrl(address)
  if (address.namespace === systemNamespace) return { location, 'retry-after': retryAfter }
  return { location, 'azure-asyncoperation': statusUrl(address), 'retry-after': retryAfter }
}

function statusUrl({ baseUrl, subscriptionId, namespace, id, apiVersion }: OperationAddress): string {
  return `${baseUrl}/subscriptions/${subscriptionId}/providers/${namespace}/locations/global/operationStatuses/${id}?api-version=${apiVersion}`
}

function resultUrl({ baseUrl, subscriptionId, namespace, id, apiVersion }: OperationAddress): string {
  const path =
    namespace === systemNamespace ? 'operationresults' : `providers/${namespace}/locations/global/operationResults`
  return `${baseUrl}/subscriptions/${subscriptionId}/${path}/${id}?api-version=${apiVersion}`
}
