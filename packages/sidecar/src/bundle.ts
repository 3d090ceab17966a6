/** The bundle's first module: runs the others with the code that the engine compiled when they were built. */
import { readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import vm from 'node:vm'

interface LoadedModule {
  readonly exports: unknown
}

const parameters = ['exports', 'require', 'module', '__filename', '__dirname']
const loaded = new Map<string, LoadedModule>()

function load(path: string): unknown {
  const known = loaded.get(path)
  if (known) return known.exports
  const module: LoadedModule = { exports: {} }
  loaded.set(path, module)
  // The bundler leaves nothing beyond ASCII, which is read fastest as what it is.
  const source = `(function (${parameters.join()}) {${readFileSync(path, 'latin1')}\n})`
  const cachedData = compiled(path)
  // Code from another release of Node, or for another processor, is refused by the engine, which then compiles afresh.
  const script = new vm.Script(source, { filename: path, ...(cachedData && { cachedData }) })
  const folder = dirname(path)
  const requireFrom = (name: string) =>
    name.startsWith('.') ? load(join(folder, name)) : process.getBuiltinModule(name)
  try {
    script.runInThisContext()(module.exports, requireFrom, module, path, folder)
  } catch (error) {
    loaded.delete(path)
    throw error
  }
  return module.exports
}

function compiled(path: string): Buffer | undefined {
  try {
    return readFileSync(`${path}.cache`)
  } catch {
    // Only speed is lost without.
    return undefined
  }
}

load(join(import.meta.dirname, 'sidecar.cjs'))
