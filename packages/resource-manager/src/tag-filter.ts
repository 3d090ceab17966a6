/** `tagName` and `tagValue` in a filter: the value asked for is that of the tag asked for. */
import { type Filter, type FilterSubject, requiredValue } from './odata-filter.ts'

/** Answers `tagName eq 'N'` (the resource has the tag) and `tagName eq 'N' and tagValue eq 'V'`. */
export function tagSubject(tags: Readonly<Record<string, string>> | undefined, filter: Filter): FilterSubject {
  const asked = requiredValue(filter, 'tagname')?.toLowerCase()
  const tag = Object.entries(tags ?? {}).find(([name]) => name.toLowerCase() === asked)
  return {
    field(name) {
      switch (name.toLowerCase()) {
        case 'tagname':
          return tag?.[0] ?? null
        case 'tagvalue':
          return tag?.[1] ?? null
        default:
          return undefined
      }
    },
  }
}
