import { existsSync, globSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { createRegistry } from '../registry.ts'
import type { StateStore } from '../state-store.ts'
import type { Conformance } from '../testing/conformance.ts'
import { testContext } from '../testing/context.ts'
import { type SecretStoreSubject, secretStoreChecks } from './secret-store.ts'
import { stateStoreChecks } from './state-store.ts'

/** A component folder joins by having a `conformance.ts`, which says how to open its store. */
const root = join(import.meta.dirname, '..')
const folders = globSync('{secretstores,state}/**/metadata.ts', { cwd: root }).map(dirname)

for (const folder of folders) {
  const type = folder.replaceAll('/', '.')
  const path = join(root, folder, 'conformance.ts')
  it(`${folder} says how it is tested`, () => expect(existsSync(path)).toBe(true))
  const { conformance }: { conformance: Conformance } = await import(path)

  for (const [version, fixture] of Object.entries(conformance.versions)) {
    const title = `${type}/${version}`
    if (typeof fixture === 'string') {
      describe.skip(`${title}: ${fixture}`, () => it('runs elsewhere', () => undefined))
      continue
    }
    describe(title, () => {
      const cleanups: (() => Promise<void> | undefined)[] = []
      const open = async () => {
        const prepared = await fixture()
        cleanups.push(() => prepared.close())
        const factory = await createRegistry().factory(type, version)
        return { prepared, factory, context: testContext(prepared.context).context }
      }
      afterAll(async () => {
        for (const cleanup of cleanups.reverse()) await cleanup()
      })

      if (type.startsWith('secretstores.')) {
        let subject: SecretStoreSubject
        beforeAll(async () => {
          const { prepared, factory, context } = await open()
          if (factory?.block !== 'secretstores') throw new TypeError(`${title} is no secret store`)
          const store = await factory.init(context)
          cleanups.push(() => store.close?.())
          const { secrets = {}, missing = '', missingAnswer = {} } = prepared
          subject = { store, secrets, missing, missingAnswer }
        }, 60_000)
        for (const check of secretStoreChecks) it(check.name, () => check.run(subject))
        return
      }
      let store: StateStore
      beforeAll(async () => {
        const { factory, context } = await open()
        if (factory?.block !== 'state') throw new TypeError(`${title} is no state store`)
        store = await factory.init(context)
        cleanups.push(() => store.close?.())
      }, 60_000)
      for (const check of stateStoreChecks) {
        it(check.name, async ({ skip }) => {
          skip(check.needs !== undefined && !store.features.includes(check.needs), `has no ${check.needs}`)
          await check.run({ store })
        })
      }
    })
  }
}
