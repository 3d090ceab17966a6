// Bundles the sidecar to packages/sidecar/dist/bundle, needing nothing but Node: one file with what every start needs,
// chunks with what is loaded when configured, and beside them the code that the engine compiled for a first run.
import { execFile } from 'node:child_process'
import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { rolldown } from 'rolldown'

const root = fileURLToPath(new URL('..', import.meta.url))
const dir = join(root, 'packages/sidecar/dist/bundle')

const main = join(root, 'packages/sidecar/src/main.ts')
/** What `main` imports without waiting for configuration, itself included; ids of modules. */
let start

/** Else what a start shares with the chunks would be in small files of its own, each of which costs time. */
function groupOf(id, context) {
  if (!start) {
    start = new Set()
    const add = (module) => {
      if (start.has(module)) return
      start.add(module)
      for (const imported of context.getModuleInfo(module)?.importedIds ?? []) add(imported)
    }
    add(main)
  }
  return start.has(id) || id.includes('rolldown/runtime') ? 'sidecar' : null
}

const bundle = await rolldown({
  cwd: root,
  input: { 'keystead-sidecar': 'packages/sidecar/src/bundle.ts', sidecar: main },
  platform: 'node',
  resolve: {
    conditionNames: ['keystead-source', 'node'],
    // The same code as ES modules, so that what is not used is left out.
    alias: { yaml: join(root, 'node_modules/yaml/browser/dist/index.js') },
  },
  transform: { target: 'node24' },
})
const { output } = await bundle.write({
  dir,
  cleanDir: true,
  // CommonJS starts without the ES module loader.
  format: 'cjs',
  dynamicImportInCjs: false,
  esModule: false,
  externalLiveBindings: false,
  entryFileNames: '[name].cjs',
  codeSplitting: { groups: [{ name: groupOf, debugName: 'start' }] },
  chunkFileNames: 'chunks/[name]-[hash].cjs',
  minify: true,
  comments: { legal: true },
})
await bundle.close()

const chunks = output.filter((file) => file.type === 'chunk')
let bytes = 0
for (const { fileName } of chunks) {
  const path = join(dir, fileName)
  const escaped = (await readFile(path, 'utf8')).replace(
    /[^\0-\x7f]/g,
    (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`,
  )
  await writeFile(path, escaped)
  bytes += escaped.length
}
console.log(`sidecar: ${chunks.length} files, ${Math.round(bytes / 1024)} KiB in packages/sidecar/dist/bundle`)

try {
  await promisify(execFile)(process.execPath, [join(root, 'scripts/compile-sidecar.mjs')], { timeout: 60_000 })
} catch (error) {
  console.error(
    `sidecar: starts will be slower, its code could not be compiled ahead: ${error.stderr || error.message}`,
  )
}
