/** What is asked of `POST /explain` at the control listener, and what it answers: shared by the core and the command. */
import { isIP } from 'node:net'
import { z } from 'zod'

export const explainRequest = z.object({
  /** An object id, an application id, a user principal name, a display name, or a managed identity's resource id. */
  principal: z.string().min(1).max(2048),
  /** An action or data action without wildcards, or a permission on a vault's secrets such as `get`. */
  action: z
    .string()
    .regex(/^[A-Za-z][\w.-]*(\/[\w.-]+)*$/, 'expected an action without wildcards')
    .max(512),
  scope: z.string().startsWith('/', 'expected a resource id').max(2048),
  /** Where the client would come from; this machine when absent. */
  clientAddress: z
    .string()
    .refine((text) => isIP(text) !== 0, 'expected an IP address')
    .default('127.0.0.1'),
})
export type ExplainRequest = z.infer<typeof explainRequest>

const link = z.object({
  name: z.enum(['principal', 'scope', 'network', 'roles', 'access policy', 'locks', 'secret']),
  state: z.enum(['holds', 'fails']),
  detail: z.string(),
  /** What was looked at, one line each. */
  considered: z.array(z.string()).optional(),
  /** Commands that mend it, in order. */
  mend: z.array(z.string()).optional(),
})
export type Link = z.infer<typeof link>

export const explanation = z.object({
  allowed: z.boolean(),
  /** The first link that fails. */
  failing: z.string().nullable(),
  principal: z.object({ objectId: z.string(), type: z.string(), displayName: z.string() }).nullable(),
  /** What was decided on: a permission of an access policy, or an action. */
  action: z.string(),
  plane: z.enum(['control', 'data']),
  scope: z.string(),
  links: z.array(link),
})
export type Explanation = z.infer<typeof explanation>
