/** What a supervised process tells its supervisor over the IPC channel. */
import { z } from 'zod'

export const childMessage = z.discriminatedUnion('kind', [
  z.object({ kind: z.literal('ready') }),
  /** It could not start, and why. */
  z.object({ kind: z.literal('failed'), message: z.string(), hint: z.string() }),
])
export type ChildMessage = z.infer<typeof childMessage>

/** Tells the supervisor, when there is one. Resolves once it was handed over. */
export function tellSupervisor(message: ChildMessage): Promise<void> {
  return new Promise((resolve) => {
    if (process.send) process.send(message, () => resolve())
    else resolve()
  })
}
