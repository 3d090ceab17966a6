/** The bodies and queries of the data plane, parsed and held to Key Vault's limits. */
import { z } from 'zod'
import { badParameter } from './key-vault-error.ts'
import type { SecretAttributes, SecretChange, SecretInput } from './secret.ts'

/** Key Vault's limit on a secret's value, in bytes of UTF-8 (25 KB). */
export const maxValueBytes = 25_600

const lastSecond = 253_402_300_799

const text = z.string().refine((value) => value.isWellFormed(), 'expected well-formed Unicode')

const unixTime = z.number().int().min(0).max(lastSecond)

const attributes = z
  .object({ enabled: z.boolean().nullish(), nbf: unixTime.nullish(), exp: unixTime.nullish() })
  .nullish()

const contentType = text
  .max(255, 'expected at most 255 characters')
  .refine((value) => !value.includes('\0'), 'expected no NUL')
  .nullish()

const tags = z
  .record(text, z.union([text, z.null()]))
  .superRefine((value, context) => {
    const entries = Object.entries(value)
    if (entries.length > 15) context.addIssue({ code: 'custom', message: 'expected at most 15 tags' })
    for (const [name, content] of entries) {
      if (name.length > 256 || (content?.length ?? 0) > 256) {
        context.addIssue({ code: 'custom', message: 'expected names and values of at most 256 characters' })
        return
      }
    }
  })
  .transform(
    (value): Record<string, string> =>
      Object.fromEntries(Object.entries(value).map(([name, content]) => [name, content ?? ''])),
  )
  .nullish()

const value = text.refine(
  (content) => Buffer.byteLength(content) <= maxValueBytes,
  `expected at most ${maxValueBytes} bytes`,
)

const setBody = z.object({ value, contentType, tags, attributes })
const updateBody = z.object({ contentType, tags, attributes })
const restoreBody = z.object({ value: z.string().regex(/^[A-Za-z0-9_-]+=*$/, 'expected base64url') })

function parsed<T>(schema: z.ZodType<T>, body: unknown): T {
  const result = schema.safeParse(body)
  if (result.success) return result.data
  const [issue] = result.error.issues
  // The message of an issue tells what was expected, and never what was given.
  const where = issue === undefined || issue.path.length === 0 ? 'The request body' : `The property '${path(issue)}'`
  throw badParameter(`${where} has an invalid value: ${issue?.message ?? 'invalid'}.`)
}

/** The property, without a name that the caller made up (a tag's). */
function path(issue: z.core.$ZodIssue): string {
  const [first, second] = issue.path.map(String)
  return first === 'attributes' && second !== undefined ? `${first}.${second}` : (first ?? '')
}

function attributesOf(body: z.infer<typeof attributes>): SecretAttributes {
  return {
    ...(body?.enabled == null ? {} : { enabled: body.enabled }),
    ...(body?.nbf == null ? {} : { notBefore: body.nbf }),
    ...(body?.exp == null ? {} : { expires: body.exp }),
  }
}

function changeOf(body: z.infer<typeof updateBody>): SecretChange {
  return {
    ...(body.contentType == null ? {} : { contentType: body.contentType }),
    ...(body.tags == null ? {} : { tags: body.tags }),
    attributes: attributesOf(body.attributes),
  }
}

/** Set Secret. Throws BadParameter. */
export function parseSetBody(body: unknown): SecretInput {
  const fields = parsed(setBody, body)
  return { ...changeOf(fields), value: fields.value }
}

/** Update Secret: nulls and absent members leave what there is. Throws BadParameter. */
export function parseUpdateBody(body: unknown): SecretChange {
  return changeOf(parsed(updateBody, body))
}

/** Restore Secret: the blob that a backup answered. Throws BadParameter. */
export function parseRestoreBody(body: unknown): string {
  return parsed(restoreBody, body).value
}

/** `maxresults`, 25 when absent, as Key Vault's lists have it. Throws BadParameter. */
export function parseMaxResults(given: string | null): number {
  if (given === null || given === '') return 25
  if (!/^\d{1,3}$/.test(given) || Number(given) < 1 || Number(given) > 25) {
    throw badParameter('The maxresults parameter must be between 1 and 25.')
  }
  return Number(given)
}

const tokenPrefix = 'keystead-page:'

/** Where a list goes on, as an opaque `$skiptoken`. */
export function skipToken(after: string): string {
  return Buffer.from(`${tokenPrefix}${after}`).toString('base64url')
}

/** The key that a `$skiptoken` of ours stands for; empty at the start of a list. Throws BadParameter. */
export function parseSkipToken(token: string | null): string {
  if (token === null || token === '') return ''
  const plain = token.length > 512 ? '' : Buffer.from(token, 'base64url').toString('utf8')
  const after = plain.slice(tokenPrefix.length)
  if (!plain.startsWith(tokenPrefix) || !/^[0-9a-z-]{1,127}$/.test(after)) {
    throw badParameter('The $skiptoken parameter is invalid.')
  }
  return after
}
