/** The body of a Dapr component of an environment, as it is written and stored. */
import { z } from 'zod'
import { secretBody } from './app-body.ts'

const text = z
  .string()
  .max(4096)
  .nullish()
  .transform((value) => value || undefined)

const properties = z.object({
  componentType: z
    .string()
    .max(253)
    .regex(/^[a-z0-9]+(?:\.[a-zA-Z0-9-]+)+$/, 'A component type is e.g. state.azure.blobstorage'),
  version: z.string().min(1).max(32).default('v1'),
  ignoreErrors: z.boolean().default(false),
  initTimeout: text,
  secrets: z.array(secretBody).optional(),
  secretStoreComponent: text,
  metadata: z.array(z.object({ name: z.string().min(1), value: z.string().optional(), secretRef: text })).optional(),
  scopes: z.array(z.string()).optional(),
})

export const componentBody = z.object({ properties })
export type ComponentBody = z.infer<typeof componentBody>

/** Values of secrets are kept apart, sealed. */
export const storedComponent = properties.extend({ secrets: z.array(secretBody.omit({ value: true })).optional() })
export type StoredComponent = z.infer<typeof storedComponent>
