// Generates the sidecar's message code from the .proto files that @dapr/dapr ships and the few beside the sidecar.
// Does nothing when neither they, the generators nor this file have changed.
import { spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { join, relative } from 'node:path'
import { fileURLToPath } from 'node:url'

const root = fileURLToPath(new URL('../../..', import.meta.url))
const out = join(root, 'packages/sidecar/src/grpc/gen')
/** Where files are made, so that a run that fails or meets another leaves nothing half done. */
const work = join(root, `packages/sidecar/dist/gen-${process.pid}`)
const require = createRequire(import.meta.url)

const packageFolder = (name) => {
  const found = require.resolve.paths(name)?.find((path) => existsSync(join(path, name, 'package.json')))
  if (found === undefined) throw new Error(`${name} is not installed`)
  return join(found, name)
}
const version = (name) => JSON.parse(readFileSync(join(packageFolder(name), 'package.json'), 'utf8')).version

const dapr = join(packageFolder('@dapr/dapr'), 'proto')
const own = join(root, 'packages/sidecar/proto')

/** What the sidecar reads and writes; what these import comes with them. */
const messages = [
  ...['secret', 'state', 'metadata', 'configuration', 'pubsub', 'binding', 'lock', 'ai', 'invoke'].map((name) =>
    join(dapr, `dapr/proto/runtime/v1/${name}.proto`),
  ),
  join(dapr, 'dapr/proto/internals/v1/service_invocation.proto'),
  join(own, 'google/rpc/status.proto'),
  join(own, 'google/rpc/error_details.proto'),
]
const protoFiles = (folder) =>
  readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.proto'))
    .sort()
    .map((name) => join(folder, name))

function fingerprint() {
  const hash = createHash('sha256')
  for (const name of ['@bufbuild/buf', '@bufbuild/protobuf', 'ts-proto']) hash.update(`${name}@${version(name)}\n`)
  for (const file of [fileURLToPath(import.meta.url), ...protoFiles(dapr), ...protoFiles(own)]) {
    hash.update(readFileSync(file)).update('\0')
  }
  return hash.digest('hex')
}

function buf(...args) {
  const config = {
    version: 'v2',
    modules: [{ path: relative(root, dapr) }, { path: relative(root, own) }],
  }
  const command = join(packageFolder('@bufbuild/buf'), 'bin/buf')
  const result = spawnSync(process.execPath, [command, ...args, '--config', JSON.stringify(config)], {
    cwd: root,
    maxBuffer: 64 << 20,
    // Its cache is of no use here, and must not depend on a home directory.
    env: { ...process.env, BUF_CACHE_DIR: join(work, '.cache') },
  })
  if (result.error) throw result.error
  if (result.status !== 0) throw new Error(`buf ${args[0]} failed:\n${result.stderr}${result.stdout}`)
  return result.stdout
}

const paths = (files) => files.flatMap((file) => ['--path', relative(root, file)])

function generateMessages() {
  const template = {
    version: 'v2',
    plugins: [
      {
        local: [process.execPath, join(packageFolder('ts-proto'), 'protoc-gen-ts_proto')],
        out: relative(root, work),
        strategy: 'all',
        opt: [
          'importSuffix=.ts',
          'outputServices=none',
          'outputJsonMethods=false',
          'outputPartialMethods=false',
          'enumsAsLiterals=true',
          'removeEnumPrefix=true',
          'exportCommonSymbols=false',
          'oneof=unions-value',
          'useDate=false',
          'esModuleInterop=true',
        ],
      },
    ],
  }
  buf('generate', '--template', JSON.stringify(template), '--include-imports', ...paths(messages))
}

/**
 * The generated code takes a stray end of a group, or the tag 0, for the end of the message, and what follows for its
 * parent's; neither can be in a well-formed message, so both are refused.
 */
function refuseStrayTags() {
  const lenient = /if \(\(tag & 7\) === 4 \|\| tag === 0\) \{\s+break;\s+\}\s+reader\.skip\(tag & 7\);/g
  const strict =
    'if (tag >>> 3 === 0) throw new globalThis.Error("illegal tag");\n        reader.skip(tag & 7, tag >>> 3);'
  for (const name of readdirSync(work, { recursive: true, encoding: 'utf8' })) {
    if (!name.endsWith('.ts')) continue
    const source = readFileSync(join(work, name), 'utf8')
    const changed = source.replace(lenient, strict)
    if (changed === source && source.includes('reader.skip('))
      throw new Error(`${name}: the generator's code has changed`)
    writeFileSync(join(work, name), changed)
  }
}

const stamp = join(out, '.stamp')
const wanted = fingerprint()
if (!existsSync(stamp) || readFileSync(stamp, 'utf8') !== wanted) {
  mkdirSync(work, { recursive: true })
  try {
    generateMessages()
    refuseStrayTags()
    rmSync(join(work, '.cache'), { recursive: true, force: true })
    writeFileSync(join(work, '.stamp'), wanted)
    rmSync(out, { recursive: true, force: true })
    renameSync(work, out)
  } finally {
    rmSync(work, { recursive: true, force: true })
  }
  console.log(`messages: generated in ${relative(root, out)}`)
}
