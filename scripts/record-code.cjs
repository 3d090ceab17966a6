// Loaded before the sidecar's bundle: writes what the engine has compiled of each script beside it when the process ends.
const { writeFileSync } = require('node:fs')
const vm = require('node:vm')

const scripts = []
vm.Script = class extends vm.Script {
  constructor(source, options) {
    super(source, options)
    scripts.push({ path: options.filename, script: this })
  }
}
process.on('exit', () => {
  for (const { path, script } of scripts) writeFileSync(`${path}.cache`, script.createCachedData())
})
