/** The body of a managed environment, as it is written and stored. */
import { z } from 'zod'

const logAnalytics = z.object({ customerId: z.string().max(128) })

/** az writes `Name`. */
const workloadProfile = z
  .looseObject({ name: z.string().optional(), Name: z.string().optional(), workloadProfileType: z.string() })
  .transform(({ name, Name, workloadProfileType }) => ({
    name: name ?? Name ?? workloadProfileType,
    workloadProfileType,
  }))

const settings = z.object({
  appLogsConfiguration: z
    .object({
      destination: z
        .string()
        .nullish()
        .transform((destination) => destination || undefined),
      /** The shared key that comes with it is not needed here, and not kept. */
      logAnalyticsConfiguration: logAnalytics.optional(),
    })
    .prefault({}),
  zoneRedundant: z.boolean().default(false),
  workloadProfiles: z.array(workloadProfile).optional(),
  vnetConfiguration: z
    .object({ internal: z.boolean().optional(), infrastructureSubnetId: z.string().optional() })
    .optional(),
})

export const environmentBody = z.object({
  location: z.string(),
  tags: z.record(z.string(), z.string()).optional(),
  properties: settings.prefault({}),
})
export type EnvironmentBody = z.infer<typeof environmentBody>

export const environmentPatch = z.looseObject({
  tags: z.record(z.string(), z.string()).nullish(),
  properties: z.looseObject({}).nullish(),
})
export type EnvironmentPatch = z.infer<typeof environmentPatch>

export const storedEnvironment = settings.extend({
  /** `UNIQUE.REGION.azurecontainerapps.io`. */
  defaultDomain: z.string(),
  staticIp: z.string(),
})
export type StoredEnvironment = z.infer<typeof storedEnvironment>
