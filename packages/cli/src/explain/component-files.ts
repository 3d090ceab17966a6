/** The component files of an app, read as far as a secret's way through them goes. */
import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { parseAllDocuments } from 'yaml'
import { z } from 'zod'

const scalar = z.union([z.string(), z.number(), z.boolean()]).transform(String)

const component = z.object({
  kind: z.literal('Component'),
  metadata: z.object({ name: z.string() }),
  spec: z.object({
    type: z.string(),
    metadata: z
      .array(
        z.object({
          name: z.string(),
          value: scalar.nullish(),
          secretKeyRef: z.object({ name: z.string(), key: z.string().nullish() }).nullish(),
        }),
      )
      .nullish(),
  }),
  auth: z.object({ secretStore: z.string().nullish() }).nullish(),
  scopes: z.array(z.string()).nullish(),
})

export interface ComponentFile {
  readonly file: string
  readonly name: string
  readonly type: string
  /** Values given as text, by field; fields are compared without case. */
  readonly values: ReadonlyMap<string, string>
  readonly secretRefs: readonly { readonly field: string; readonly secret: string }[]
  readonly secretStore: string | undefined
  readonly scopes: readonly string[]
}

export interface ComponentFiles {
  readonly components: readonly ComponentFile[]
  /** `FILE: reason`, for what is no YAML or no component. */
  readonly broken: readonly string[]
}

export async function readComponentFiles(folders: readonly string[]): Promise<ComponentFiles> {
  const components: ComponentFile[] = []
  const broken: string[] = []
  for (const folder of folders) {
    const entries = await readdir(folder).catch((error: Error) => {
      broken.push(`${folder}: ${error.message}`)
      return []
    })
    for (const entry of entries.filter((name) => /\.ya?ml$/i.test(name)).sort()) {
      const file = join(folder, entry)
      for (const document of parseAllDocuments(await readFile(file, 'utf8'))) {
        const [error] = document.errors
        if (error) broken.push(`${file}: ${error.message.split('\n')[0]}`)
        else read(file, document.toJS(), components, broken)
      }
    }
  }
  return { components, broken }
}

function read(file: string, document: unknown, components: ComponentFile[], broken: string[]): void {
  if ((document as { kind?: unknown } | null)?.kind !== 'Component') return
  const parsed = component.safeParse(document)
  if (!parsed.success) {
    broken.push(`${file}: ${z.prettifyError(parsed.error).split('\n')[0]}`)
    return
  }
  const { metadata, spec, auth, scopes } = parsed.data
  const items = spec.metadata ?? []
  components.push({
    file,
    name: metadata.name,
    type: spec.type,
    values: new Map(items.map((item) => [item.name.toLowerCase(), item.value ?? ''])),
    secretRefs: items.flatMap((item) =>
      item.secretKeyRef ? [{ field: item.name, secret: item.secretKeyRef.name }] : [],
    ),
    secretStore: auth?.secretStore ?? undefined,
    scopes: scopes ?? [],
  })
}
