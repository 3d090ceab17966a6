/** The rules that ARM sets for the tags of a resource or a resource group. */
import { invalidRequestContent, invalidTags } from './arm-errors.ts'
import { isRecord } from './json.ts'

const maxTags = 50
const maxNameLength = 512
const maxValueLength = 256

/** Throws ArmError 400 unless the value is a set of tags within the limits ("Use tags to organize your Azure resources"). */
export function checkTags(tags: unknown): void {
  if (tags === undefined || tags === null) return
  if (!isRecord(tags)) throw invalidRequestContent("The value of 'tags' must be an object of names and strings")
  const entries = Object.entries(tags)
  if (entries.length > maxTags) {
    throw invalidTags('TooManyTags', `The number of tags '${entries.length}' exceeds the maximum of '${maxTags}'.`)
  }
  const seen = new Set<string>()
  for (const [name, value] of entries) {
    if (name.trim() === '' || name.length > maxNameLength || /[<>%&\\?/]/.test(name)) {
      throw invalidTags(
        'InvalidTagName',
        `A tag name must have 1 to ${maxNameLength} characters and none of '<,>,%,&,\\,?,/'.`,
      )
    }
    if (seen.has(name.toLowerCase())) {
      throw invalidTags(
        'InvalidTagName',
        `The tag names must be unique; '${name}' is there twice, compared without case.`,
      )
    }
    seen.add(name.toLowerCase())
    if (value !== null && typeof value !== 'string') {
      throw invalidRequestContent(`The value of the tag '${name}' must be a string`)
    }
    if (typeof value === 'string' && value.length > maxValueLength) {
      throw invalidTags(
        'InvalidTagNameValue',
        `The value of the tag '${name}' is longer than ${maxValueLength} characters.`,
      )
    }
  }
}
