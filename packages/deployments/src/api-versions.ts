/** The api-versions of deployments that are answered, newest first. */
import { resourcesApiVersions } from '@keystead/resource-manager'

/** The first is what the clients for deployments alone send since they left those for all of Microsoft.Resources. */
export const deploymentsApiVersions: readonly string[] = ['2026-06-01', ...resourcesApiVersions]
