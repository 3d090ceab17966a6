// Loaded before the sidecar's bundle: writes what the engine has compiled of each script beside it when the process ends.
const { writeFileSync } = require('node:fs')
const v8 = require('node:v8')
const vm = require('node:vm')

const scripts = []
vm.Script = class extends vm.Script {
  constructor(source, options) {
    super(source, options)
    scripts.push({ path: options.filename, script: this })
  }
}

function store() {
  for (const { path, script } of scripts.splice(0)) writeFileSync(`${path}.cache`, script.createCachedData())
}
process.on('exit', store)
// The engine takes compiled code under the settings only that it was stored under: those of a start.
const { setFlagsFromString } = v8
v8.setFlagsFromString = (flags) => {
  store()
  setFlagsFromString(flags)
}
