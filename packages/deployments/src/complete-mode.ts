/** What a group holds beside the resources of a template: Complete mode deletes it, a what-if tells of it. */
import { parseResourceId, type Resource, type ResourceStore } from '@keystead/resource-manager'
import type { Plan } from './template/plan.ts'

const stretchLength = 500

/** The top-level resources in the group that the plan does not deploy; in order of id. */
export async function othersIn(
  resources: ResourceStore,
  group: string,
  { resources: planned }: Plan,
): Promise<Resource[]> {
  const kept = new Set(planned.filter((each) => each.deployed || each.existing).map(({ id }) => id.toLowerCase()))
  const others: Resource[] = []
  for (let after: string | undefined; ; ) {
    const stretch = await resources.list({
      below: group,
      limit: stretchLength,
      ...(after !== undefined && { after }),
    })
    for (const each of stretch) {
      const id = parseResourceId(each.id)
      // Role assignments, locks and deployments are not tracked: they have no place of their own.
      const tracked = each.location !== undefined && id?.scope === undefined && id?.types.length === 1
      if (tracked && !kept.has(each.id.toLowerCase())) others.push(each)
    }
    after = stretch.at(-1)?.id
    if (stretch.length < stretchLength || after === undefined) return others
  }
}
