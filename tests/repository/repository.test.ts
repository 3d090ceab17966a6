import { glob, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { beforeAll, describe, expect, test } from 'vitest'
import { root } from '../support/cloud.ts'

type Versions = Readonly<Record<string, string>>

interface Manifest {
  readonly name: string
  readonly dependencies?: Versions
  readonly devDependencies?: Versions
  readonly optionalDependencies?: Versions
  readonly peerDependencies?: Versions
}

interface LockedPackage {
  readonly version?: string
  readonly resolved?: string
  readonly link?: boolean
  readonly optionalDependencies?: Versions
  readonly cpu?: readonly string[]
  readonly os?: readonly string[]
}

const read = (path: string): Promise<string> => readFile(join(root, path), 'utf8')
const scope = '@keystead/'

/** By their paths in the repository. */
const manifests = new Map<string, Manifest>()

beforeAll(async () => {
  for await (const path of glob(['package.json', '{packages,examples}/*/package.json'], { cwd: root })) {
    manifests.set(path, JSON.parse(await read(path)) as Manifest)
  }
})

const declared = (manifest: Manifest): readonly string[] =>
  Object.keys({
    ...manifest.dependencies,
    ...manifest.devDependencies,
    ...manifest.optionalDependencies,
    ...manifest.peerDependencies,
  })

/** The rows of the table under a heading, without its first two. */
function rows(markdown: string, heading: string): readonly (readonly string[])[] {
  const after = `\n${markdown}`.split(`\n${heading}\n`)[1] ?? ''
  const lines = after.slice(after.indexOf('|')).split('\n\n')[0]?.split('\n') ?? []
  return lines.slice(2).map((line) =>
    line
      .split('|')
      .slice(1, -1)
      .map((cell) => cell.trim()),
  )
}

const code = (cell: string): readonly string[] => Array.from(cell.matchAll(/`([^`]+)`/g), ([, name = '']) => name)

describe('imports point one way', () => {
  /** What each package may import, by ARCHITECTURE.md; in the order of its table. */
  let allowed: ReadonlyMap<string, readonly string[]>

  beforeAll(async () => {
    const table = rows(await read('ARCHITECTURE.md'), '## Packages')
    const known = new Map<string, readonly string[]>()
    for (const [name = '', , mayImport = ''] of table) {
      const all = table.flatMap(([other = '']) => code(other))
      if (mayImport.startsWith('all but')) {
        const own = code(name)
        known.set(
          own[0] ?? '',
          all.filter((other) => !code(mayImport).includes(other) && !own.includes(other)),
        )
      } else if (mayImport.startsWith('the four above')) {
        known.set(code(name)[0] ?? '', ['store', 'authorization', 'identity', 'resource-manager'])
      } else {
        known.set(code(name)[0] ?? '', code(mayImport))
      }
    }
    allowed = known
  })

  test('ARCHITECTURE.md has a row for each package, and no other', () => {
    const packages = Array.from(manifests.values(), ({ name }) => name).filter((name) => name.startsWith(scope))
    expect([...allowed.keys()].sort()).toEqual(packages.map((name) => name.slice(scope.length)).sort())
    expect(packages.length).toBeGreaterThanOrEqual(10)
  })

  test('a row allows only what has a row', () => {
    for (const names of allowed.values()) for (const name of names) expect([...allowed.keys()]).toContain(name)
  })

  test('no chain of allowed imports comes back to where it began', () => {
    const reach = (name: string, seen: readonly string[]): void => {
      expect(seen, [...seen, name].join(' imports ')).not.toContain(name)
      for (const next of allowed.get(name) ?? []) reach(next, [...seen, name])
    }
    for (const name of allowed.keys()) reach(name, [])
  })

  test('no package.json declares, for its code or its tests, what its row does not allow', () => {
    for (const [path, manifest] of manifests) {
      if (!manifest.name.startsWith(scope)) continue
      const ours = declared(manifest).filter((name) => name.startsWith(scope))
      const may = allowed.get(manifest.name.slice(scope.length)) ?? []
      expect(
        ours.filter((name) => !may.includes(name.slice(scope.length))),
        path,
      ).toEqual([])
    }
  })
})

test('every dependency has its line in docs/dependencies.md, and every line is a dependency', async () => {
  const listed = rows(await read('docs/dependencies.md'), '# Dependencies').flatMap(([names = '']) => code(names))
  const matches = (pattern: string, name: string): boolean =>
    pattern.endsWith('*') ? name.startsWith(pattern.slice(0, -1)) : name === pattern
  const foreign = new Set(
    Array.from(manifests.values()).flatMap((manifest) =>
      declared(manifest).filter((name) => !name.startsWith(scope) && !name.startsWith('@types/')),
    ),
  )
  expect([...foreign].filter((name) => !listed.some((pattern) => matches(pattern, name)))).toEqual([])
  const python = (await read('tests/python/requirements.txt')).match(/^[\w.-]+/gm) ?? []
  const known = [...foreign, ...python]
  expect(listed.filter((pattern) => !known.some((name) => matches(pattern, name)))).toEqual([])
})

describe('the lock file', () => {
  let packages: Readonly<Record<string, LockedPackage>>
  beforeAll(async () => {
    packages = (JSON.parse(await read('package-lock.json')) as { packages: typeof packages }).packages
  })

  test('names no registry: packages come from whichever one npm is set to', async () => {
    const elsewhere = Object.entries(packages).filter(([, { link, resolved }]) => resolved !== undefined && !link)
    expect(elsewhere).toEqual([])
    expect(await read('.npmrc')).toContain('omit-lockfile-registry-resolved=true')
  })

  test('lists the optional packages of every platform, not only of the one it was written on', () => {
    const missing: string[] = []
    let platforms = 0
    for (const [path, { optionalDependencies = {} }] of Object.entries(packages)) {
      for (const name of Object.keys(optionalDependencies)) {
        const locked = resolvedFrom(packages, path, name)
        if (locked?.version === undefined) missing.push(`${name}, wanted by ${path}`)
        else if (locked.os || locked.cpu) platforms += 1
      }
    }
    expect(missing).toEqual([])
    // Node, the compiler, the linter, the bundler: each is built for several platforms.
    expect(platforms).toBeGreaterThan(20)
  })
})

/** The package that `name` means to the one at `path`: the nearest folder upwards that has it. */
function resolvedFrom(
  packages: Readonly<Record<string, LockedPackage>>,
  path: string,
  name: string,
): LockedPackage | undefined {
  for (let folder = path; ; folder = folder.slice(0, Math.max(folder.lastIndexOf('/node_modules/'), 0))) {
    const found = packages[folder === '' ? `node_modules/${name}` : `${folder}/node_modules/${name}`]
    if (found || folder === '') return found
  }
}
