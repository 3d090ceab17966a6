// Bundles the sidecar to packages/sidecar/dist/keystead-sidecar.mjs, needing nothing but Node, with what is loaded only when
// configured in chunks beside it.
import { rm } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'
import { build } from 'esbuild'

const root = fileURLToPath(new URL('..', import.meta.url))
const outdir = `${root}packages/sidecar/dist`

await rm(`${outdir}/chunks`, { recursive: true, force: true })
const result = await build({
  absWorkingDir: root,
  entryPoints: { 'keystead-sidecar': 'packages/sidecar/src/bundle.ts' },
  outdir,
  chunkNames: 'chunks/[name]-[hash]',
  outExtension: { '.js': '.mjs' },
  bundle: true,
  splitting: true,
  format: 'esm',
  platform: 'node',
  target: 'node24',
  conditions: ['keystead-source'],
  minify: true,
  legalComments: 'linked',
  metafile: true,
  // CommonJS packages in an ES module bundle ask for a require of their own.
  banner: {
    js: "import { createRequire as keysteadRequire } from 'node:module'; const require = keysteadRequire(import.meta.url);",
  },
})

const outputs = Object.entries(result.metafile.outputs).filter(([path]) => path.endsWith('.mjs'))
const bytes = outputs.reduce((sum, [, output]) => sum + output.bytes, 0)
console.log(`sidecar: ${outputs.length} files, ${Math.round(bytes / 1024)} KiB in packages/sidecar/dist`)
